/**
 * From signatures to the messages that they stand for. Chains, groups and chords are no messages: whoever publishes
 * them takes them apart, by Celery's rules. The n-th step of a chain goes as the first one's message, the rest rides
 * in it; each member of a group is a message; a chord is its header, each part of which carries the body.
 */
import { invalidMessage } from '../message/invalid-message.ts'
import { frozenId } from './frozen-ids.ts'
import { linked, listOf } from './links.ts'
import { asMember, bodyOf, checkNesting, endId, headerOf, type Membership, membersOf, stepsOf } from './shapes.ts'
import { type AddressedMessage, type Ancestry, type TaskKnowledge, toMessage } from './signature-message.ts'
import {
  type Application,
  applied,
  isGroup,
  readSignature,
  textOption,
  type WireSignature,
  withOptions,
  without,
} from './wire-signature.ts'

/** A chord whose parts are about to be published: the result backend has to know how many there are. */
export interface OpenedChord {
  readonly groupId: string
  readonly size: number
}

export interface Surroundings extends Ancestry {
  /** The task that brings all of it about: ids are made from it, see `frozenId`. */
  readonly seed: string
  readonly knowledge: TaskKnowledge
  readonly nowMs: number
}

export class Expansion {
  readonly messages: AddressedMessage[] = []
  readonly chords: OpenedChord[] = []
  readonly #around: Surroundings
  #bytes = 0
  #depth = 0

  constructor(around: Surroundings) {
    this.#around = around
  }

  /**
   * Adds what `signature` stands for, applied once. `path` tells it from all else that the seed brings about.
   *
   * @throws CaromError `CAROM_MESSAGE_INVALID` for a signature that is none, too deep, or stands for too much.
   */
  apply(signature: WireSignature, application: Application, path: string): void {
    checkNesting(++this.#depth, path)
    const call = applied(signature, application)
    switch (call.subtask_type) {
      case 'chain':
        this.#chain(call, path)
        break
      case 'group':
      case 'chunks':
        this.#group(call, path)
        break
      case 'chord':
        this.#chord(call, path)
        break
      case 'xmap':
      case 'xstarmap':
        // What they run them with is in their keyword arguments.
        this.#send({ ...call, args: [] }, path)
        break
      default:
        this.#send(call, path)
    }
    this.#depth--
  }

  #send(call: WireSignature, path: string): void {
    const id = textOption(call.options, 'task_id') ?? this.#id(path)
    const { parentId, rootId, stamps, knowledge, nowMs } = this.#around
    const sent = toMessage(call, id, { parentId, rootId, stamps }, knowledge, nowMs)
    this.messages.push(sent)
    this.#bytes += sent.message.body.byteLength
    if (this.messages.length <= MAX_MESSAGES && this.#bytes <= MAX_BYTES) return
    throw invalidMessage({}, path, `stands for more than ${MAX_MESSAGES} messages or ${MAX_BYTES} bytes`)
  }

  #group(call: WireSignature, path: string): void {
    const rest = listOf(call.options.chain)
    if (rest.length > 0) return this.#groupThenChain(call, rest, path)
    const groupId = textOption(call.options, 'task_id') ?? this.#id(`${path}/group`)
    const membership: Membership = { groupId, chord: null, next: 0 }
    const members = membersOf(call, path).map((member) => asMember(member, membership, path))
    this.#applyAll(members, { args: call.args, options: without(call.options, OF_GROUP) }, path)
  }

  /** The steps that follow a group wait for all of it: it is the header of a chord. */
  #groupThenChain(group: WireSignature, rest: readonly unknown[], path: string): void {
    const steps = [...rest].reverse().map((step, index) => readSignature(step, `${path}/chain[${index}]`))
    const body = steps.length === 1 ? (steps[0] as WireSignature) : container('chain', { tasks: steps })
    const header = { ...group, args: [], options: without(group.options, ['chain']) }
    this.apply({ ...container('chord', { header, body, kwargs: {} }), args: group.args }, {}, path)
  }

  #chain(call: WireSignature, path: string): void {
    const { options } = call
    const steps = linked(stepsOf(call, path), call)
    // In the order of the wire: what runs last comes first.
    const left = listOf(options.chain).map((step, index) => readSignature(step, `${path}/chain[${index}]`))
    for (const [index, step] of [...steps.entries()].reverse()) {
      const frozen = this.#frozen(step, `${path}/${index}`)
      const next = isGroup(frozen) ? left.pop() : undefined
      left.push(next === undefined ? frozen : chordOf(frozen, next))
    }
    const first = left.pop()
    if (first === undefined) return
    const rest = left.length === 0 ? {} : { chain: left }
    // A path of its own: a group or a chord numbers its members as the steps are numbered here.
    this.apply(first, { options: { ...without(options, OF_CHAIN), ...rest } }, `${path}/first`)
  }

  #chord(call: WireSignature, path: string): void {
    const { id, members } = headerOf(call, path)
    const groupId = id ?? this.#id(`${path}/group`)
    const body = this.#frozen(bodyOf(call, path), `${path}/body`)
    const membership: Membership = { groupId, chord: body, next: 0 }
    const parts = members.map((member) => asMember(member, membership, path))
    if (membership.next === 0) return this.apply(body, { args: [[]] }, `${path}/body`)
    this.chords.push({ groupId, size: membership.next })
    this.#applyAll(parts, { args: call.args, options: without(call.options, OF_BODY) }, path)
  }

  #applyAll(signatures: readonly WireSignature[], application: Application, path: string): void {
    for (const [index, signature] of signatures.entries()) this.apply(signature, application, `${path}/${index}`)
  }

  /** With an id from now on, so that whoever waits for it, or fails it, has a name for it. */
  #frozen(step: WireSignature, path: string): WireSignature {
    if (textOption(step.options, 'task_id') !== undefined) return step
    return withOptions(step, { task_id: endId(step, path) ?? this.#id(path) })
  }

  #id(path: string): string {
    return frozenId(this.#around.seed, path)
  }
}

function chordOf(group: WireSignature, next: WireSignature): WireSignature {
  const chord = container('chord', { header: { ...group, args: [] }, body: next, kwargs: {} })
  const task_id = textOption(next.options, 'task_id')
  return { ...chord, args: group.args, options: task_id === undefined ? {} : { task_id } }
}

function container(kind: 'chain' | 'chord', kwargs: Readonly<Record<string, unknown>>): WireSignature {
  return { task: `celery.${kind}`, args: [], kwargs, options: {}, subtask_type: kind, immutable: false }
}

const MAX_MESSAGES = 10_000
const MAX_BYTES = 48 * 1024 * 1024
const OF_GROUP = ['task_id', 'group_id', 'group_index', 'chain', 'root_id', 'parent_id']
const OF_CHAIN = ['task_id', 'link', 'link_error', 'chain', 'chord', 'group_id', 'group_index']
const OF_BODY = ['task_id', 'link', 'link_error', 'chain', 'chord', 'group_id', 'group_index', 'root_id', 'parent_id']
