/**
 * What follows a task that has ended, by Celery's rules: which messages to publish, which chord to report to, which
 * tasks will never run now. Data only; ids are frozen, so that following twice publishes the same messages.
 */
import type { Embed } from '../message/task-body.ts'
import { encodeWireJson } from '../message/wire-json.ts'
import { Expansion, type OpenedChord } from './expansion.ts'
import { linked, listOf } from './links.ts'
import { bodyOf, checkNesting, endId, membersOf, stepsOf } from './shapes.ts'
import type { AddressedMessage, Stamps, TaskKnowledge } from './signature-message.ts'
import { isGroup, readSignature, readSignatures, refused, textOption, type WireSignature } from './wire-signature.ts'

export interface FollowUps {
  readonly messages: readonly AddressedMessage[]
  /** To be opened before the messages are published. */
  readonly chords: readonly OpenedChord[]
  /** To be reported once the outcome is stored. */
  readonly parts: readonly PartOfChord[]
  /** Tasks that end as this one did, without having run: what it stored is stored for them too. */
  readonly ended: readonly EndedTask[]
}

export interface PartOfChord {
  readonly groupId: string
  /** Its place among the results; `null` where nobody has given it one. */
  readonly index: number | null
  readonly taskId: string
  /** How many parts there are, where the message says so. */
  readonly size: number | null
  /** The body's signature as JSON, and the id that the body has or will have. */
  readonly body: Uint8Array
  readonly bodyId: string | null
}

export interface EndedTask {
  readonly taskId: string
  readonly groupId: string | null
}

/** The task that has ended. */
export interface FollowedTask {
  readonly id: string
  readonly rootId: string
  readonly groupId: string | null
  readonly groupIndex: number | null
  readonly stamps: Stamps
  readonly knowledge: TaskKnowledge
  readonly nowMs: number
}

/** Whether nothing follows, however the task ends. */
export function isEmptyEmbed({ callbacks, errbacks, chain, chord }: Embed): boolean {
  return chord === null && [callbacks, errbacks, chain].every((links) => links === null || links.length === 0)
}

/** First the links, then the next step of the chain, with the task's result as their first argument. */
export function afterSuccess(embed: Embed, task: FollowedTask, result: unknown): FollowUps {
  const expansion = expansionOf(task)
  const callbacks = readSignatures(embed.callbacks, 'callbacks')
  const isLone = callbacks.length === 1
  const alone = callbacks.filter((callback) => isLone || isGroup(callback))
  for (const [index, callback] of alone.entries()) expansion.apply(callback, { args: [result] }, `link/${index}`)
  const together = callbacks.filter((callback) => !alone.includes(callback))
  if (together.length > 0) expansion.apply(groupOf(together), { args: [result] }, 'links')
  const steps = readSignatures(embed.chain, 'chain')
  const next = steps.pop()
  if (next !== undefined) expansion.apply(next, { args: [result], options: { chain: steps } }, 'chain')
  return { messages: expansion.messages, chords: expansion.chords, parts: ownPart(embed, task), ended: [] }
}

/** The error links, with the task's id as their argument; all that was to follow in the chain ends with the task. */
export function afterFailure(embed: Embed, task: FollowedTask): FollowUps {
  const fallen = new Fallen()
  for (const step of readSignatures(embed.chain, 'chain').reverse()) fallen.add(step, 'chain')
  return {
    ...errbacksOf(readSignatures(embed.errbacks, 'errbacks'), task),
    parts: [...ownPart(embed, task), ...fallen.parts],
    ended: fallen.ended,
  }
}

/** The body of a chord that is complete, with the list of results. `task` stands for the body. */
export function afterChord(
  body: unknown,
  task: FollowedTask,
  results: readonly unknown[],
  parentId: string,
): FollowUps {
  const expansion = new Expansion({ ...task, seed: task.id, parentId })
  expansion.apply(readSignature(body, 'chord'), { args: [results] }, 'body')
  return { messages: expansion.messages, chords: expansion.chords, parts: [], ended: [] }
}

/** Of a chord with a part that has failed: the body ends without having run, and its error links get its id. */
export function afterChordError(body: unknown, task: FollowedTask): FollowUps {
  const signature = readSignature(body, 'chord')
  const fallen = new Fallen()
  fallen.add(signature, 'chord')
  const errbacks = readSignatures(signature.options.link_error, 'chord.options.link_error')
  return { ...errbacksOf(errbacks, task), parts: fallen.parts, ended: fallen.ended }
}

/** Looks at every signature of an embed, as following it would. @throws CaromError `CAROM_MESSAGE_INVALID`. */
export function checkEmbed(embed: Embed, task: FollowedTask): void {
  afterSuccess(embed, task, null)
  afterFailure(embed, task)
}

/** Always as a group, even of one: so Celery publishes them. */
function errbacksOf(errbacks: readonly WireSignature[], task: FollowedTask): Pick<FollowUps, 'messages' | 'chords'> {
  const expansion = expansionOf(task)
  if (errbacks.length > 0) expansion.apply(groupOf(errbacks), { args: [task.id] }, 'errbacks')
  return { messages: expansion.messages, chords: expansion.chords }
}

function expansionOf(task: FollowedTask): Expansion {
  return new Expansion({ ...task, seed: task.id, parentId: task.id })
}

function groupOf(tasks: readonly WireSignature[]): WireSignature {
  return { task: 'celery.group', args: [], kwargs: { tasks }, options: {}, subtask_type: 'group', immutable: false }
}

function ownPart({ chord }: Embed, { id, groupId, groupIndex }: FollowedTask): PartOfChord[] {
  if (chord === null || groupId === null) return []
  return [partOf(readSignature(chord, 'chord'), { groupId, index: groupIndex, taskId: id })]
}

function partOf(body: WireSignature, place: Pick<PartOfChord, 'groupId' | 'index' | 'taskId'>): PartOfChord {
  const { chord_size: size } = body
  return {
    ...place,
    size: typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : null,
    body: Buffer.from(encodeWireJson(body, { root: 'chord' })),
    bodyId: endId(body, 'chord') ?? null,
  }
}

/** Tasks that will never run. Whoever waits for one of them, and the chord that it is a part of, has to be told. */
class Fallen {
  readonly #ended = new Map<string, EndedTask>()
  readonly parts: PartOfChord[] = []

  get ended(): EndedTask[] {
    return [...this.#ended.values()]
  }

  add(signature: WireSignature, field: string, depth = 0): void {
    checkNesting(depth, field)
    this.#note(signature, field)
    const inside = (each: WireSignature) => this.add(each, field, depth + 1)
    if (signature.subtask_type === 'chain') linked(stepsOf(signature, field), signature).forEach(inside)
    else if (signature.subtask_type === 'chord') inside(bodyOf(signature, field))
    else {
      if (isGroup(signature)) membersOf(signature, field).forEach(inside)
      readSignatures(signature.options.chain, `${field}.options.chain`).reverse().forEach(inside)
    }
  }

  #note({ options, subtask_type }: WireSignature, field: string): void {
    const taskId = textOption(options, 'task_id')
    if (taskId === undefined) return
    const groupId = textOption(options, 'group_id') ?? null
    this.#ended.set(taskId, { taskId, groupId })
    // Only what would have been a message is a part: a chain's is its last step, a chord's its body.
    if (subtask_type === 'chain' || subtask_type === 'chord' || groupId === null) return
    const [chord] = listOf(options.chord)
    if (chord === undefined) return
    const index = options.group_index ?? null
    if (index !== null && !Number.isSafeInteger(index))
      throw refused(`${field}.options.group_index`, index, 'an integer')
    const place = { groupId, index: index as number | null, taskId }
    this.parts.push(partOf(readSignature(chord, `${field}.options.chord`), place))
  }
}
