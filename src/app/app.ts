import { checkTaskId, wrongType } from '../canvas/rules.ts'
import { AsyncResult } from '../results/async-result.ts'
import { type GroupResult, restoreGroup } from '../results/group-result.ts'
import { type CaromOptions, checkAppOptions, createInternals } from './app-options.ts'
import { CallSender } from './call-sender.ts'
import { Connections } from './connections.ts'
import { APP, type AppInternals } from './internals.ts'
import { defineRemoteTask, defineTask, TaskRegistry } from './registry.ts'
import type { Handler, Registered, RemoteTask, Task } from './task.ts'
import type { AnySchema, AnyTaskOptions, DefinedOptions, LoadOptions, RemoteTaskOptions } from './task-options.ts'
import type { TaskFunction } from './wire.ts'
import { checkTaskContent } from './wire-format.ts'

/**
 * An app: its tasks, and the way to send them. Creating one opens nothing and starts nothing; the broker and the result
 * backend are opened when they are first used, and an idle app does not keep a script alive.
 *
 * In a worker's child an app never opens anything: what its tasks send goes through the worker, and URLs given here are
 * ignored.
 *
 * @example
 * export const app = new Carom('shop')
 * export const add = app.task('shop.add', (a: number, b: number) => a + b)
 *
 * const result = await add.delay(2, 3)
 * console.log(await result.get({ timeoutMs: 5_000 }))
 */
export class Carom {
  /** Names the default queue, and the file of the embedded store. */
  readonly name: string
  /** What a worker needs, also of another copy of Carom. Not API. */
  readonly [APP]: AppInternals
  readonly #registry: TaskRegistry
  readonly #childInits: (() => unknown)[] = []
  readonly #connections: Connections
  readonly #sender: CallSender

  /**
   * @param name 1 to 64 letters, digits, dots, dashes and underscores, a letter or a digit first.
   * @throws TypeError, RangeError for a name or an option that is refused.
   */
  constructor(name: string, options: CaromOptions = {}) {
    checkAppOptions(name, options)
    this.name = name
    const registry = new TaskRegistry(name)
    const internals = createInternals(name, options, registry, this.#childInits)
    const connections = new Connections(internals)
    this.#registry = registry
    this.#connections = connections
    this[APP] = internals
    this.#sender = new CallSender({
      defaultQueue: internals.defaultQueue,
      format: internals.format,
      definition: (task) => registry.get(task),
      publish: (messages) => connections.publish(messages),
      during: (work) => connections.during(work),
      result: (sent) => new AsyncResult(sent, connections),
    })
  }

  /**
   * Registers a task with options. With `input` it takes one object, described by a schema: what is sent is the object
   * as it was given, the task gets what the schema makes of it. With `argNames` it can be called with arguments by name.
   *
   * @throws CaromError `CAROM_TASK_DUPLICATE`: the name is taken in this app, or the function is a task already.
   * @throws TypeError, RangeError for a name or an option that is refused; unknown options are.
   * @example
   * const mail = app.task('mail.send', { input: z.object({ to: z.email() }), queue: 'slow' }, async ({ to }) => send(to))
   * await mail.delay({ to: 'ada@example.com' })
   */
  task<Fn extends TaskFunction, const Names extends readonly string[] = [], Schema extends AnySchema = undefined>(
    name: string,
    options: DefinedOptions<Names, Schema>,
    fn: Fn & Handler<Fn, Schema>,
  ): Registered<Fn, Names, Schema>
  /**
   * Registers a task whose code is loaded when it first runs, so that heavy modules are loaded in children only. The
   * task is an async function; its types come from the module's default export.
   *
   * @throws CaromError `CAROM_TASK_DUPLICATE`: the name is taken in this app.
   * @throws TypeError, RangeError for a name or an option that is refused; unknown options are.
   * @example const thumb = app.task('shop.thumb', { load: () => import('./thumb.ts') })
   */
  task<Fn extends TaskFunction, const Names extends readonly string[] = [], Schema extends AnySchema = undefined>(
    name: string,
    options: DefinedOptions<Names, Schema> & LoadOptions<Fn & Handler<Fn, Schema>>,
  ): Registered<(...args: Parameters<Fn>) => Promise<Awaited<ReturnType<Fn>>>, Names, Schema>
  /**
   * Registers `fn` as a task and gives it back, the same function, with the ways to send it: `delay`, `applyAsync`,
   * `applyMany` and `s`. Called as a function it runs here and now, as ever.
   *
   * Its arguments and its result travel as JSON with dates and bytes: what has no such form does not compile.
   *
   * @param name what it travels under, the same for everyone who sends or runs it; `app.thing` is customary.
   * @throws CaromError `CAROM_TASK_DUPLICATE`: the name is taken in this app, or the function is a task already.
   * @throws TypeError, RangeError for a name that is refused.
   * @example
   * const add = app.task('shop.add', (a: number, b: number) => a + b)
   * await add.delay(2, 3)
   */
  task<Fn extends TaskFunction>(name: string, fn: Fn & Handler<Fn, undefined>): Task<Fn>
  task(name: string, second: AnyTaskOptions | TaskFunction, third?: TaskFunction): unknown {
    const options = typeof second === 'function' ? {} : second
    const { definition, target } = defineTask(name, options, typeof second === 'function' ? second : third)
    checkTaskContent(name, definition.settings, this[APP].format)
    this.#registry.add(definition, target, this.#sender)
    return target
  }

  /**
   * A task that somebody else runs, a Python worker for instance: typed by you, sendable, not callable here.
   *
   * @throws CaromError `CAROM_TASK_DUPLICATE`: the name is taken in this app.
   * @throws TypeError, RangeError for a name or an option that is refused.
   * @example
   * const report = app.remoteTask<(month: string) => { url: string }>('reports.build', { queue: 'python' })
   * const { url } = await (await report.delay('2025-01')).get()
   */
  remoteTask<Fn extends TaskFunction = (...args: unknown[]) => unknown>(
    name: string,
    options: RemoteTaskOptions = {},
  ): RemoteTask<Fn> {
    const target = {}
    this.#registry.add(defineRemoteTask(name, options), target, this.#sender)
    return target as RemoteTask<Fn>
  }

  /**
   * Has every child of a worker run `fn`, and wait for it, before its first task: the place to open what tasks need. Runs
   * in the order of registration, and never outside a child. A child where it throws is not used.
   *
   * @example app.onChildInit(async () => { await database.connect() })
   */
  onChildInit(fn: () => unknown): void {
    if (typeof fn !== 'function') throw wrongType(fn, `onChildInit of app "${this.name}"`, 'a function')
    this.#childInits.push(fn)
  }

  /**
   * A handle on the result of a task that was sent before, perhaps by another process.
   *
   * @throws TypeError, RangeError for an id that none can be.
   * @example const size = await app.result<number>(id).get()
   */
  result<T = unknown>(taskId: string): AsyncResult<T> {
    checkTaskId(taskId, 'the id of a result')
    return new AsyncResult<T>({ id: taskId, task: null, queue: null, ignored: false }, this.#connections)
  }

  /**
   * The group of results that was saved under that id, here or by Python; `null` where there is none (any more).
   *
   * @throws TypeError, RangeError for an id that none can be.
   * @example const sizes = await (await app.groupResult<number>(id))?.get()
   */
  async groupResult<T = unknown>(groupId: string): Promise<GroupResult<T[]> | null> {
    checkTaskId(groupId, 'the id of a group')
    return restoreGroup<T[]>(groupId, this.#connections)
  }

  /**
   * Waits for what is being sent, then closes broker and result backend; a `get()` that still waits rejects. Closing
   * twice is closing once. Afterwards sending and asking for results throw `CAROM_APP_CLOSED`; tasks can still be called.
   */
  close(): Promise<void> {
    return this.#connections.close()
  }
}
