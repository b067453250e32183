import { randomUUID } from 'node:crypto'
import type { CaromError } from '../errors.ts'
import { AsyncResult, resultParts, whenEnded } from './async-result.ts'
import { asTheyEnd, waitForAll } from './group-wait.ts'
import { isReady, type TaskState } from './meta.ts'
import { resultOf, toTaskError } from './remote-error.ts'
import { checkGetOptions, type GetOptions, type ResultSource } from './result-wait.ts'
import type { SavedGroup } from './saved-group.ts'
import { type TaskMeta, toTaskMeta } from './task-meta.ts'

/** What a group holds: results, and groups within. */
export type GroupMember = AsyncResult | GroupResult

/** What `get()` of a group of these gives. */
export type GroupValues<Members extends readonly GroupMember[]> = {
  -readonly [Key in keyof Members]: Members[Key] extends AsyncResult<infer Value>
    ? Value
    : Members[Key] extends GroupResult<infer Values>
      ? Values
      : never
}

/** Of one task. What is a list may also be the values of a group within the group. */
type Leaf<Value> = Value extends readonly unknown[] ? unknown : Value

/** How to wait for a group. */
export interface GroupGetOptions extends GetOptions {
  /** `false`: the error of a task that failed stands in its place, and the others are waited for. @default true */
  readonly propagate?: boolean | undefined
}

/**
 * Results that belong together, in order; groups may be within. Like an {@link AsyncResult} it is no promise. Iterated
 * over, it gives what became of each task as they end, as `iterate()` does.
 *
 * @example
 * const group = GroupResult.of(await add.applyMany([[1, 2], [3, 4]]))
 * console.log(await group.get({ timeoutMs: 5_000 })) // [3, 7]
 */
export class GroupResult<out Values extends readonly unknown[] = readonly unknown[]>
  implements AsyncIterable<TaskMeta<Leaf<Values[number]>>>
{
  /** What it is saved under. */
  readonly id: string
  readonly results: readonly GroupMember[]
  readonly #source: ResultSource | null

  /** Made by {@link GroupResult.of}, and by what sends or restores a group. */
  constructor(id: string, results: readonly GroupMember[], source: ResultSource | null) {
    this.id = id
    this.results = Object.freeze([...results])
    this.#source = source
  }

  /** A new group of results that are at hand. Nothing is stored of it until `save()`. */
  static of<const Members extends readonly GroupMember[]>(results: Members): GroupResult<GroupValues<Members>> {
    const [first] = leavesOf(results)
    return new GroupResult(randomUUID(), results, first === undefined ? null : resultParts(first).source)
  }

  /**
   * Waits for all tasks and gives their results in order, those of a group within as an array. Rejects as soon as a task
   * has failed, with its error, unless `propagate` is false. The deadline is one for all.
   *
   * @throws as {@link AsyncResult.get} does.
   */
  get(options?: GetOptions & { readonly propagate?: true | undefined }): Promise<Values>
  get(options: GroupGetOptions): Promise<{ [Key in keyof Values]: Leaf<Values[Key]> | CaromError }>
  async get(options: GroupGetOptions = {}): Promise<readonly unknown[]> {
    const { propagate = true, timeoutMs, signal } = checkGetOptions(options, ['propagate'])
    if (typeof propagate !== 'boolean') throw new TypeError('Cannot set propagate of get(): expected true or false')
    return waitForAll({ timeoutMs, signal }, (waiting) => {
      const outcomeOf = async (result: AsyncResult): Promise<unknown> => {
        const meta = await whenEnded(result, waiting)
        if (meta.status === 'SUCCESS') return resultOf(meta)
        const error = toTaskError(meta, resultParts(result).sent.task)
        if (propagate) throw error
        return error
      }
      return valuesOf(this.results, outcomeOf)
    })
  }

  /**
   * What became of each task, as they end; failures are among them, and throw nothing. Whoever leaves the loop stops the
   * waiting.
   *
   * @throws as {@link AsyncResult.get} does while it waits.
   * @example for await (const { id, value, error } of group.iterate({ timeoutMs: 60_000 })) console.log(id, value ?? error)
   */
  async *iterate(options: GetOptions = {}): AsyncGenerator<TaskMeta<Leaf<Values[number]>>, void, undefined> {
    for await (const { result, meta } of asTheyEnd(leavesOf(this.results), checkGetOptions(options))) {
      yield toTaskMeta(result.id, resultParts(result).sent.task, meta)
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<TaskMeta<Leaf<Values[number]>>, void, undefined> {
    return this.iterate()
  }

  /** Whether all tasks have ended. */
  async ready(): Promise<boolean> {
    return (await this.#states()).every(isReady)
  }

  /** Whether all tasks have succeeded. */
  async successful(): Promise<boolean> {
    return (await this.#states()).every((state) => state === 'SUCCESS')
  }

  /** Whether a task has failed or was revoked. */
  async failed(): Promise<boolean> {
    return (await this.#states()).some((state) => state === 'FAILURE' || state === 'REVOKED')
  }

  /** How many tasks have succeeded. */
  async completedCount(): Promise<number> {
    return (await this.#states()).filter((state) => state === 'SUCCESS').length
  }

  /**
   * Stores which tasks belong together, as long as results are kept, and resolves when that is durable: then
   * `app.groupResult(id)` gives this group, and so does Python's `GroupResult.restore(id)`.
   *
   * @throws TypeError for a group that was made of nothing, and belongs to no app.
   */
  async save(): Promise<void> {
    if (this.#source === null) throw new TypeError(`Cannot save group ${this.id}: it was made of no results at all`)
    this.#source.allow('look', this.id)
    const backend = await this.#source.open()
    await backend.saveGroup(savedOf(this))
  }

  /** Deletes the stored results of its tasks, and what `save()` has stored. */
  async forget(): Promise<void> {
    for (const [source, ids] of this.#bySource()) {
      source.allow('look', this.id)
      await (await source.open()).forget(ids)
    }
    if (this.#source !== null) await (await this.#source.open()).forgetGroup(this.id)
  }

  async #states(): Promise<TaskState[]> {
    const states: TaskState[] = []
    for (const [source, ids] of this.#bySource()) {
      source.allow('look', this.id)
      const backend = await source.open()
      for (const meta of await backend.load(ids)) states.push(meta?.status ?? 'PENDING')
    }
    return states
  }

  /** The ids of its tasks by where their results are: one question for each place. */
  #bySource(): Map<ResultSource, string[]> {
    const bySource = new Map<ResultSource, string[]>()
    for (const result of leavesOf(this.results)) {
      const { sent, source } = resultParts(result)
      const ids = bySource.get(source)
      if (ids === undefined) bySource.set(source, [sent.id])
      else ids.push(sent.id)
    }
    return bySource
  }
}

/** The group that is saved under that id, with handles that know no more of their tasks than the id. */
export async function restoreGroup<Values extends readonly unknown[]>(
  groupId: string,
  source: ResultSource,
): Promise<GroupResult<Values> | null> {
  source.allow('look', groupId)
  const backend = await source.open()
  const saved = await backend.loadGroup(groupId)
  return saved === null ? null : restored<Values>(saved, source)
}

function restored<Values extends readonly unknown[]>(
  { groupId, members }: SavedGroup,
  source: ResultSource,
): GroupResult<Values> {
  const results = members.map((member): GroupMember => {
    if (typeof member !== 'string') return restored(member, source)
    return new AsyncResult({ id: member, task: null, queue: null, ignored: false }, source)
  })
  return new GroupResult(groupId, results, source)
}

function savedOf({ id, results }: GroupResult): SavedGroup {
  return { groupId: id, members: results.map((member) => (isGroup(member) ? savedOf(member) : member.id)) }
}

function leavesOf(results: readonly GroupMember[]): AsyncResult[] {
  return results.flatMap((member) => (isGroup(member) ? leavesOf(member.results) : [member]))
}

function valuesOf(
  results: readonly GroupMember[],
  outcomeOf: (result: AsyncResult) => Promise<unknown>,
): Promise<unknown[]> {
  return Promise.all(
    results.map((member) => (isGroup(member) ? valuesOf(member.results, outcomeOf) : outcomeOf(member))),
  )
}

function isGroup(member: GroupMember): member is GroupResult {
  return member instanceof GroupResult
}
