/** What follows captured messages, in a form that tests can compare. */
import type { FollowedTask } from '../../src/canvas/follow-ups.ts'
import type { AddressedMessage } from '../../src/canvas/signature-message.ts'
import { compressionNamed } from '../../src/message/compression.ts'
import type { Embed } from '../../src/message/task-body.ts'
import { readTask } from '../../src/message/task-message.ts'
import { PLAIN_JSON } from '../../src/message/write-body.ts'
import { capturedWorkflow } from '../message/wire-fixtures.ts'

export const NOW_MS = Date.parse('2026-11-27T12:00:00.000Z')

export function followed(fields: Partial<FollowedTask> = {}): FollowedTask {
  const knowledge = {
    queueOf: () => 'celery',
    priorityOf: () => undefined,
    ignoresResult: () => undefined,
    writingOf: (_task: string, _serializer?: string, compression?: string) => ({
      ...PLAIN_JSON,
      compression: compressionNamed(compression ?? ''),
    }),
  }
  return { id: 'one', rootId: 'root', groupId: null, groupIndex: null, stamps: {}, knowledge, nowMs: NOW_MS, ...fields }
}

/** The task and the embed of the `index`-th message of a captured workflow. */
export function workflow(name: string, index = 0): { readonly task: FollowedTask; readonly embed: Embed } {
  const envelope = capturedWorkflow(name)[index]
  if (envelope === undefined) throw new Error(`${name} has no message ${index}`)
  const { headers, embed } = readTask(envelope)
  const { id, root_id, group, group_index } = headers
  const place = { groupId: group ?? null, groupIndex: group_index ?? null }
  return { task: followed({ id, rootId: root_id ?? id, ...place }), embed }
}

export function embedOf(parts: Record<string, unknown>): Embed {
  return { callbacks: null, errbacks: null, chain: null, chord: null, ...parts } as Embed
}

/** A signature of `task`, with whatever else it is to have. */
export function sig(task: string, fields: Record<string, unknown> = {}): Record<string, unknown> & { task: string } {
  return { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false, ...fields }
}

export function container(kind: 'chain' | 'group', tasks: readonly unknown[], options: Record<string, unknown> = {}) {
  return sig(`celery.${kind}`, { kwargs: { tasks }, options, subtask_type: kind })
}

export function chord(header: unknown, body: unknown, options: Record<string, unknown> = {}) {
  return sig('celery.chord', { kwargs: { header, body, kwargs: {} }, options, subtask_type: 'chord' })
}

/** A message as a test sees it: what a worker would read. */
export function seen({ queue, message }: AddressedMessage) {
  const { args, kwargs, embed, headers } = readTask(message)
  const { id, task, group, group_index: index, root_id: root, parent_id: parent } = headers
  return { queue, id, task, args, kwargs, embed, group, index, root, parent }
}

export function optionsOf(signature: unknown): Record<string, unknown> {
  return (signature as { options: Record<string, unknown> }).options
}

/** The members or steps of a container. */
export function tasksIn(signature: unknown): Record<string, unknown>[] {
  return (signature as { kwargs: { tasks: Record<string, unknown>[] } }).kwargs.tasks
}
