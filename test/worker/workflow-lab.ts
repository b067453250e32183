/** The app of the captured workflows, its store, and raw messages for it. */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Broker, Outgoing } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { buildTaskMessage, type UncheckedEmbed } from '../../src/message/task-message.ts'
import type { ResultBackend } from '../../src/results/backend.ts'
import type { ResultMeta } from '../../src/results/meta.ts'
import { openBackend } from '../../src/results/open.ts'
import { capturedWorkflow } from '../message/wire-fixtures.ts'

export const WORKFLOW_APP = fileURLToPath(new URL('./fixtures/workflow-tasks.js', import.meta.url))
export const QUEUE = 'workflows'

export interface WorkflowStore {
  readonly broker: Broker
  readonly backend: ResultBackend
  /** Waits for the outcome of a task. */
  outcome(taskId: string): Promise<Outcome>
  close(): Promise<void>
}

export interface Outcome extends Omit<ResultMeta, 'result'> {
  readonly value: unknown
}

/** The store of the environment: call it after `lab.ts` is loaded. Results may be elsewhere. */
export async function openWorkflowStore(resultsUrl = process.env.CAROM_BROKER_URL): Promise<WorkflowStore> {
  const broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: QUEUE })
  const backend = await openBackend(resultsUrl, { appName: QUEUE })
  return {
    broker,
    backend,
    async outcome(taskId) {
      const { result, ...meta } = await backend.wait(taskId, { signal: AbortSignal.timeout(15_000) })
      return { ...meta, value: JSON.parse(Buffer.from(result).toString()) }
    },
    close: async () => {
      await Promise.all([broker.close(), backend.close()])
    },
  }
}

/** The messages of a captured workflow under new ids, each with what `change` makes of its headers. */
export function workflowMessages(
  name: string,
  change: (headers: Record<string, unknown>, index: number) => Record<string, unknown> = () => ({}),
): Outgoing[] {
  const run = randomUUID().slice(0, 8)
  // All ids of a workflow are UUIDs: their first eight digits tell the runs apart, and stay the same within one.
  const renewed = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value).replaceAll(UUID, (id, rest) => `${id.slice(0, 8)}${run}${rest}`)) as T
  return capturedWorkflow(name).map((envelope, index) => {
    const headers = renewed(envelope.headers) as Record<string, unknown>
    const body = Buffer.from(JSON.stringify(renewed(JSON.parse(Buffer.from(envelope.body).toString()))))
    const { contentType, contentEncoding, properties } = envelope
    const message = {
      headers: { ...headers, ...change(headers, index) } as never,
      properties,
      contentType,
      contentEncoding,
      body,
    }
    return { queue: QUEUE, message }
  })
}

/** A message of one task with what follows it. */
export function carrying(
  task: string,
  args: readonly unknown[],
  embed: Partial<UncheckedEmbed>,
  headers: Record<string, unknown> = {},
): Outgoing & { readonly id: string } {
  const id = randomUUID()
  const whole = { callbacks: null, errbacks: null, chain: null, chord: null, ...embed }
  const message = buildTaskMessage({ task, id, args, kwargs: {}, embed: whole })
  return { id, queue: QUEUE, message: { ...message, headers: { ...message.headers, ...headers } } }
}

/** What the body of a message says. */
export function bodyOf({ message }: Outgoing): [unknown[], unknown, Record<string, unknown>] {
  return JSON.parse(Buffer.from(message.body).toString())
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/g
