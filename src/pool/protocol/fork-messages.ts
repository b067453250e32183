/** Everything a pool and its fork server say to each other. Frames as between parent and child, in two unions of their own. */
import { type Frame, FrameError, type Payload } from './frame.ts'
import { decodePayload, encodePayload } from './payload.ts'

export type ToForkServer =
  /** The first order. */
  | { readonly type: 'prepare'; readonly preparation: Preparation }
  /** Fork that child; the descriptors of its stdout, stderr and channel are on their way under the same number. */
  | { readonly type: 'fork'; readonly generation: number }

export interface Preparation {
  /** URLs of the modules to load before the first fork. */
  readonly preload: readonly string[]
  /** What a child is to see as its `process.execArgv`. */
  readonly execArgv: readonly string[]
}

export type FromForkServer =
  /** Everything is loaded. What is still going on in the process, so that children would inherit it: in words, with whose it is. */
  | { readonly type: 'prepared'; readonly leftovers: readonly string[] }
  /** A module failed to load; the server ends. */
  | { readonly type: 'broken'; readonly failure: unknown }
  | { readonly type: 'forked'; readonly generation: number; readonly pid: number }
  /** There will be no such child. */
  | { readonly type: 'refused'; readonly generation: number; readonly failure: unknown }
  /** The child has ended and is reaped. */
  | { readonly type: 'buried'; readonly generation: number; readonly remains: Remains }

/** One of code and signal is 0. */
export interface Remains {
  readonly exitCode: number
  readonly signal: number
  readonly userMicros: number
  readonly systemMicros: number
}

const TO_SERVER = { prepare: 129, fork: 130 } as const
const FROM_SERVER = { prepared: 193, broken: 194, forked: 195, refused: 196, buried: 197 } as const

export function frameToForkServer(order: ToForkServer): Frame {
  const type = TO_SERVER[order.type]
  return order.type === 'prepare' ? frame(type, 0, 0, order.preparation) : frame(type, order.generation, 0)
}

/** Believed: it comes from the pool. */
export function readToForkServer({ type, generation, payload }: Frame): ToForkServer {
  if (type === TO_SERVER.fork) return { type: 'fork', generation }
  if (type !== TO_SERVER.prepare) throw new FrameError(`Frame of unknown type ${type}`)
  return { type: 'prepare', preparation: decodePayload(payload) as Preparation }
}

export function frameFromForkServer(report: FromForkServer): Frame {
  const type = FROM_SERVER[report.type]
  switch (report.type) {
    case 'prepared':
      return frame(type, 0, 0, report.leftovers)
    case 'broken':
      return frame(type, 0, 0, report.failure)
    case 'forked':
      return frame(type, report.generation, report.pid)
    case 'refused':
      return frame(type, report.generation, 0, report.failure)
    case 'buried':
      return frame(type, report.generation, 0, report.remains)
  }
}

/** @throws FrameError for anything but a report: preloaded code is a stranger's. */
export function readFromForkServer({ type, generation, amount, payload }: Frame): FromForkServer {
  switch (type) {
    case FROM_SERVER.prepared:
      return { type: 'prepared', leftovers: textsIn(decode(payload)) }
    case FROM_SERVER.broken:
      return { type: 'broken', failure: decode(payload) }
    case FROM_SERVER.forked:
      // A group of 0 or 1 would be this process's own, or everybody's.
      if (amount < 2) throw new FrameError(`A forked child of the pid ${amount}`)
      return { type: 'forked', generation, pid: amount }
    case FROM_SERVER.refused:
      return { type: 'refused', generation, failure: decode(payload) }
    case FROM_SERVER.buried:
      return { type: 'buried', generation, remains: remainsIn(decode(payload)) }
    default:
      throw new FrameError(`Frame of unknown type ${type}`)
  }
}

function frame(type: number, generation: number, amount: number, value?: unknown): Frame {
  return { type, job: 0, generation, amount, payload: encodePayload(value) }
}

function decode(payload: Payload): unknown {
  try {
    return decodePayload(payload)
  } catch (cause) {
    throw new FrameError('A report of the fork server that cannot be read', { cause })
  }
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function remainsIn(value: unknown): Remains {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const number = (name: keyof Remains): number => {
    const found = fields[name]
    if (!Number.isSafeInteger(found)) throw new FrameError(`An end of a child without ${name}`)
    return found as number
  }
  return {
    exitCode: number('exitCode'),
    signal: number('signal'),
    userMicros: number('userMicros'),
    systemMicros: number('systemMicros'),
  }
}
