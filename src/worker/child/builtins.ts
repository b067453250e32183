/** Tasks that Celery's producers may send to any worker: every worker has them. */
import type { AppInternals } from '../../app/internals.ts'
import { Expansion } from '../../canvas/expansion.ts'
import { CaromError } from '../../errors.ts'
import type { TaskHeaders } from '../../message/message.ts'
import type { RunOrder } from '../orders.ts'
import { unlockChord } from './chord-unlock.ts'
import { Continued, NOTHING_MORE } from './continued.ts'
import { followedTask } from './follow.ts'

type Kwargs = Readonly<Record<string, unknown>>
export type Builtin = (app: AppInternals, args: readonly unknown[], kwargs: Kwargs, order: RunOrder) => Promise<unknown>

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['celery.accumulate', accumulate],
  ['celery.map', (app, args, kwargs) => map(app, args, kwargs, (item) => [item])],
  ['celery.starmap', (app, args, kwargs) => map(app, args, kwargs, itemsOf)],
  ['celery.chunks', chunks],
  ['celery.chord_unlock', unlockChord],
  // Results and chords of every backend go with their age.
  ['celery.backend_cleanup', async () => null],
  ...['celery.chain', 'celery.group', 'celery.chord'].map((name) => [name, refuse(name)] as const),
])

/** What a task that was replaced by a group gives: one of the results, or all of them. */
async function accumulate(_app: AppInternals, args: readonly unknown[], { index }: Kwargs): Promise<unknown> {
  if (index === undefined || index === null) return args
  const at = typeof index === 'number' && index < 0 ? index + args.length : index
  if (typeof at === 'number' && Number.isInteger(at) && at >= 0 && at < args.length) return args[at]
  throw new CaromError('CAROM_ARGUMENTS_INVALID', `celery.accumulate has no argument ${index}: it got ${args.length}`)
}

/** Calls the task for each item, one after the other, in this very run. */
async function map(
  app: AppInternals,
  args: readonly unknown[],
  kwargs: Kwargs,
  argsOf: (item: unknown) => readonly unknown[],
): Promise<unknown[]> {
  const { signature, items } = mapped(args, kwargs)
  const name = typeof signature === 'object' && signature !== null ? (signature as { task?: unknown }).task : signature
  const task = typeof name === 'string' ? app.tasks.get(name) : undefined
  if (task === undefined) {
    const text = `No task "${String(name)}" is registered in the app "${app.name}", which was to be mapped over a list`
    throw new CaromError('CAROM_TASK_UNKNOWN', text, { task: String(name) })
  }
  const results: unknown[] = []
  for (const item of items) results.push(await task.run(argsOf(item), {}))
  return results
}

function mapped([first, second]: readonly unknown[], kwargs: Kwargs) {
  const { task: signature = first, it = second } = kwargs
  if (Array.isArray(it)) return { signature, items: it as readonly unknown[] }
  throw new CaromError('CAROM_ARGUMENTS_INVALID', 'A map needs the task and a list, as "task" and "it"')
}

/** Sends the list in parts, and gives the group that they are, as Celery writes one. */
async function chunks(app: AppInternals, args: readonly unknown[], kwargs: Kwargs, order: RunOrder): Promise<unknown> {
  const { signature: task, items: it } = mapped(args, kwargs)
  const { n = args[2] } = kwargs
  const current = followedTask(app, order.headers as TaskHeaders, order.queue)
  const expansion = new Expansion({ ...current, seed: current.id, parentId: current.id })
  const whole = { task: 'celery.chunks', args: [], options: {}, immutable: false }
  expansion.apply({ ...whole, kwargs: { task, it, n }, subtask_type: 'chunks' }, {}, 'chunks')
  const { messages } = expansion
  const group = messages[0]?.message.headers.group ?? null
  const members = messages.map(({ message }) => [[message.headers.id, null], null])
  return new Continued({ value: [[group, null], members], followUps: { ...NOTHING_MORE, messages } })
}

function itemsOf(item: unknown): readonly unknown[] {
  if (Array.isArray(item)) return item
  throw new CaromError('CAROM_ARGUMENTS_INVALID', 'celery.starmap needs a list of argument lists')
}

function refuse(name: string): Builtin {
  return async () => {
    const text = `"${name}" is no task: whoever publishes it takes it apart. Send it through the canvas of its own app`
    throw new CaromError('CAROM_TASK_UNKNOWN', text, { task: name })
  }
}
