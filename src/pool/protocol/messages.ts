/**
 * Everything parent and child say to each other: two closed unions, orders to the child in the imperative, reports
 * to the parent in the past tense.
 */
import { EMPTY, type Frame, FrameError, type Payload } from './frame.ts'

/** What is to be done with the export: call it, call it once per item, or call it and send what it yields. */
export type CallForm = 'call' | 'map' | 'starmap' | 'stream'

export type ToChild =
  /** The first order: load the module. Payload: {@link StartOrder}. */
  | { readonly type: 'start'; readonly payload: Payload }
  /**
   * A job, one type per {@link CallForm}. Payload: {@link CallOrder}. A child that has no credit left keeps it waiting,
   * in the order of arrival. `amount`: its ticket (`tickets.ts`), 0 or absent for none; one that was taken back is not
   * begun, and nothing is said of it.
   */
  | { readonly type: CallForm; readonly job: number; readonly amount?: number; readonly payload: Payload }
  /** Give the job back if it waits; answered by `recalled` then, but not if it has begun or was taken back by its ticket. */
  | { readonly type: 'recall'; readonly job: number }
  /** Abort the job's signal. What the job makes of it is its own business. */
  | { readonly type: 'cancel'; readonly job: number }
  /** The job's soft time limit has passed: abort its signal with that reason. */
  | { readonly type: 'expire'; readonly job: number }
  /** The job may yield `amount` more values. */
  | { readonly type: 'credit'; readonly job: number; readonly amount: number }
  /** Take no more; finish and exit. */
  | { readonly type: 'stop' }
  /** To the question of the same number. Payload: {@link Answer}. */
  | { readonly type: 'answer'; readonly job: number; readonly payload: Payload }

export type ToParent =
  /** The module is loaded and its initializer has run. `amount`: 1 if it heeds tickets. */
  | { readonly type: 'ready'; readonly amount?: number }
  /** The module or its initializer failed; the child exits. Payload: a failure. */
  | { readonly type: 'broken'; readonly payload: Payload }
  /** Sent before the payload is looked into, but not of a job with a ticket: from here on, a death is the job's. */
  | { readonly type: 'accepted'; readonly job: number }
  /** Something is to be found in the memory that both share: reports, or tickets of jobs that have begun. */
  | { readonly type: 'rung' }
  /** `amount`: how long it ran, in microseconds. Payload: the value; for a map, {@link MapResult}. */
  | { readonly type: 'succeeded'; readonly job: number; readonly amount: number; readonly payload: Payload }
  /** `amount` as in `succeeded`. Payload: a failure. */
  | { readonly type: 'failed'; readonly job: number; readonly amount: number; readonly payload: Payload }
  /** It had not begun, and never will here. */
  | { readonly type: 'recalled'; readonly job: number }
  /** One value of a stream, against one credit. */
  | { readonly type: 'yielded'; readonly job: number; readonly payload: Payload }
  /** What the job says of its progress; a later one makes an earlier one obsolete. */
  | { readonly type: 'progressed'; readonly job: number; readonly payload: Payload }
  /** A question to the parent's owner; `job` is the question's number. Payload: `[name, value]`. */
  | { readonly type: 'asked'; readonly job: number; readonly payload: Payload }
  /** Last words before an uncaught error ends the process. Payload: a failure. */
  | { readonly type: 'crashed'; readonly payload: Payload }

/**
 * Export name; its soft time limit in ms, 0 for none; then the arguments of a call or a stream. For a map one argument,
 * the array of its items; for a starmap the array of its argument lists.
 */
export type CallOrder = readonly [name: string, softTimeLimitMs: number, ...args: unknown[]]

/** The results up to the first item that failed, and that failure; `null` if none did. */
export type MapResult = readonly [results: readonly unknown[], failure: unknown]

export interface StartOrder {
  /** URL of the module whose exports are the functions. */
  readonly module: string
  /** Name of the export that is called once before the first job; `null` for none. */
  readonly initializer: string | null
  readonly initArgs: readonly unknown[]
  readonly maxPayloadBytes: number
  /** Jobs it runs at once. */
  readonly credits: number
  /** SIGINT ends the synchronous part of a job that has a soft time limit. */
  readonly interrupts: boolean
}

/** Values a stream may yield before the first `credit`. */
export const FIRST_STREAM_CREDIT = 16

/** Questions of one child that may wait for an answer at once; one more breaks the protocol. */
export const MAX_OPEN_QUESTIONS = 10_000

export type Answer = readonly ['ok', unknown] | readonly ['error', unknown]

type Tagged = { readonly type: string; readonly job?: number; readonly amount?: number; readonly payload?: Payload }

const TO_CHILD: Record<ToChild['type'], number> = {
  start: 1,
  call: 2,
  map: 3,
  starmap: 4,
  stream: 5,
  recall: 6,
  cancel: 7,
  expire: 8,
  credit: 9,
  stop: 10,
  answer: 11,
}
const TO_PARENT: Record<ToParent['type'], number> = {
  ready: 65,
  broken: 66,
  accepted: 67,
  succeeded: 68,
  failed: 69,
  recalled: 70,
  yielded: 71,
  progressed: 72,
  asked: 73,
  crashed: 74,
  rung: 75,
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
  const { job = 0, amount = 0, payload = EMPTY } = message
  return { type, job, generation, amount, payload }
}

function fromFrame(types: readonly (string | undefined)[], frame: Frame, generation: number): Tagged {
  const type = types[frame.type]
  if (type === undefined) throw new FrameError(`Frame of unknown type ${frame.type}`)
  if (frame.generation !== generation) {
    throw new FrameError(`Frame "${type}" of child ${frame.generation} came from child ${generation}`)
  }
  return { type, job: frame.job, amount: frame.amount, payload: frame.payload }
}

const CHILD_TYPES = byNumber(TO_CHILD)
const PARENT_TYPES = byNumber(TO_PARENT)

function byNumber(numbers: Record<string, number>): readonly (string | undefined)[] {
  const names: (string | undefined)[] = new Array(256).fill(undefined)
  for (const [name, number] of Object.entries(numbers)) names[number] = name
  return names
}
