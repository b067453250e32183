/**
 * Everything parent and child say to each other: two closed unions, orders to the child in the imperative, reports
 * to the parent in the past tense. 48 to 63 and 112 to 127 are free for streams, credit and progress.
 */
import { EMPTY, type Frame, FrameError, type Payload } from './frame.ts'

export type ToChild =
  /** The first order: load the module. Payload: {@link StartOrder}. */
  | { readonly type: 'start'; readonly payload: Payload }
  /** Payload: `[export name, ...arguments]`. */
  | { readonly type: 'run'; readonly job: number; readonly payload: Payload }
  /** Abort the job's signal. What the job makes of it is its own business. */
  | { readonly type: 'cancel'; readonly job: number }
  /** Take no more; finish and exit. */
  | { readonly type: 'stop' }
  /** To the question of the same number. Payload: {@link Answer}. */
  | { readonly type: 'answer'; readonly job: number; readonly payload: Payload }

export type ToParent =
  /** The module is loaded and its initializer has run. */
  | { readonly type: 'ready' }
  /** The module or its initializer failed; the child exits. Payload: a failure. */
  | { readonly type: 'broken'; readonly payload: Payload }
  /** Sent before the payload is looked into: from here on, a death is the job's. */
  | { readonly type: 'accepted'; readonly job: number }
  | { readonly type: 'succeeded'; readonly job: number; readonly payload: Payload }
  | { readonly type: 'failed'; readonly job: number; readonly payload: Payload }
  /** A question to the parent's owner; `job` is the question's number. Payload: `[name, value]`. */
  | { readonly type: 'asked'; readonly job: number; readonly payload: Payload }
  /** Last words before an uncaught error ends the process. Payload: a failure. */
  | { readonly type: 'crashed'; readonly payload: Payload }

export interface StartOrder {
  /** URL of the module whose exports are the functions. */
  readonly module: string
  /** Name of the export that is called once before the first job; `null` for none. */
  readonly initializer: string | null
  readonly initArgs: readonly unknown[]
  readonly maxPayloadBytes: number
}

/** Questions of one child that may wait for an answer at once; one more breaks the protocol. */
export const MAX_OPEN_QUESTIONS = 10_000

export type Answer = readonly ['ok', unknown] | readonly ['error', unknown]

type Tagged = { readonly type: string; readonly job?: number; readonly payload?: Payload }

const TO_CHILD: Record<ToChild['type'], number> = { start: 1, run: 2, cancel: 3, stop: 4, answer: 5 }
const TO_PARENT: Record<ToParent['type'], number> = {
  ready: 65,
  broken: 66,
  accepted: 67,
  succeeded: 68,
  failed: 69,
  asked: 70,
  crashed: 71,
}

export function frameToChild(message: ToChild, generation: number): Frame {
  return toFrame(TO_CHILD[message.type], message, generation)
}

export function frameToParent(message: ToParent, generation: number): Frame {
  return toFrame(TO_PARENT[message.type], message, generation)
}

/** @throws FrameError if the frame is not an order, or not one for this child. */
export function readToChild(frame: Frame, generation: number): ToChild {
  return fromFrame(CHILD_TYPES, frame, generation) as ToChild
}

/** @throws FrameError if the frame is not a report, or not one of this child. */
export function readToParent(frame: Frame, generation: number): ToParent {
  return fromFrame(PARENT_TYPES, frame, generation) as ToParent
}

function toFrame(type: number, message: Tagged, generation: number): Frame {
  return { type, job: message.job ?? 0, generation, payload: message.payload ?? EMPTY }
}

function fromFrame(types: readonly (string | undefined)[], frame: Frame, generation: number): Tagged {
  const type = types[frame.type]
  if (type === undefined) throw new FrameError(`Frame of unknown type ${frame.type}`)
  if (frame.generation !== generation) {
    throw new FrameError(`Frame "${type}" of child ${frame.generation} came from child ${generation}`)
  }
  return { type, job: frame.job, payload: frame.payload }
}

const CHILD_TYPES = byNumber(TO_CHILD)
const PARENT_TYPES = byNumber(TO_PARENT)

function byNumber(numbers: Record<string, number>): readonly (string | undefined)[] {
  const names: (string | undefined)[] = new Array(256).fill(undefined)
  for (const [name, number] of Object.entries(numbers)) names[number] = name
  return names
}
