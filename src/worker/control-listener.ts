/** Answers remote control: Celery's `inspect` commands, with Celery's reply shapes. */
import type { ControlRequest } from '../brokers/broker.ts'
import type { PoolStats } from '../pool/index.ts'
import type { TaskDescription } from './child/description.ts'
import type { Request } from './request.ts'

/** What a worker can tell of itself. */
export interface Inspected {
  readonly node: string
  readonly uptimeMs: number
  readonly totals: Readonly<Record<string, number>>
  readonly active: readonly Request[]
  readonly queues: readonly string[]
  readonly store: string
  readonly tasks: ReadonlyMap<string, TaskDescription>
  pool(): PoolStats
}

type Command = (worker: Inspected, asked: Readonly<Record<string, unknown>>) => unknown

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['ping', () => ({ ok: 'pong' })],
  ['stats', stats],
  ['active', (worker) => worker.active.map((request) => request.describe(worker.node))],
  ['registered', (worker, { builtins }) => namesOf(worker, builtins === true)],
])

/** @throws Error for an unknown command, in Celery's wording; the mailbox sends it as `{ error }`. */
export function answerControl(worker: Inspected, request: ControlRequest): unknown {
  const command = COMMANDS.get(request.method)
  if (command === undefined) throw new RangeError(`KeyError('${request.method}')`)
  return command(worker, request.arguments)
}

/** Names of its tasks, sorted; those that every worker has only if they are asked for. */
export function namesOf({ tasks }: Pick<Inspected, 'tasks'>, builtins = false): string[] {
  return [...tasks.values()]
    .filter((task) => builtins || !task.builtin)
    .map(({ name }) => name)
    .sort()
}

function stats(worker: Inspected): unknown {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return {
    total: worker.totals,
    pid: process.pid,
    uptime: Math.round(worker.uptimeMs / 1000),
    pool: worker.pool(),
    queues: worker.queues,
    broker: { transport: worker.store.split(':', 1)[0], store: worker.store },
    rusage: { utime: userCPUTime / 1e6, stime: systemCPUTime / 1e6, maxrss: maxRSS },
  }
}
