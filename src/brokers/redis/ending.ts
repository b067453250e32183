/** How a claim ends, as the arguments of a script. */
import { randomUUID } from 'node:crypto'
import type { DeliveryEnd } from '../broker.ts'
import { HEAD_BYTES, oversize } from './envelope-size.ts'
import { fieldKeys, type Keys, newNonce, placeOfClaim, suffixOf, tailOf } from './keys.ts'
import type { Pushed } from './outgoing.ts'
import { entryOf } from './quarantine-entry.ts'
import { SETTLE } from './settle-script.ts'
import type { Argument, RedisStore } from './store.ts'
import { LIFETIME_MS } from './store.ts'
import { counted, readEnvelope, rewriteEnvelope } from './taken-message.ts'

/** What lies in `unacked` under a field of ours. */
export interface Taken {
  readonly field: string
  /** Only its beginning, if it is too large to be read. */
  readonly envelope: Buffer
  /** Of the whole envelope. */
  readonly bytes: number
}

export interface Ending {
  /** The field of the claim. */
  readonly field: string
  readonly result: { readonly key: string; readonly text: string | Buffer } | null
  readonly next: readonly Pushed[]
  /** The arguments that say how it ends. */
  readonly end: readonly Argument[]
}

export interface EndOptions {
  /** Only those whose lease is over. @default false */
  readonly onlyExpired?: boolean
  /** Told of each claim that was ended, also when a later step fails. */
  readonly ended?: (field: string) => void
}

/** Ends claims in the order given, in steps of bounded size. Returns for each whether it stood. */
export async function endClaims(
  store: RedisStore,
  endings: readonly Ending[],
  { onlyExpired = false, ended }: EndOptions = {},
): Promise<boolean[]> {
  const { keys, address } = store
  const { resultExpiresMs, visibilityTimeoutMs } = address.options
  const outcomes: boolean[] = []
  for (const step of stepsOf(endings)) {
    const settings = [newNonce(), LIFETIME_MS, visibilityTimeoutMs, resultExpiresMs]
    const args: Argument[] = [onlyExpired ? 'expired' : '', ...settings]
    for (const { field, result, next, end } of step) {
      args.push(field, result?.key ?? '', result?.text ?? '', next.length)
      for (const { list, envelope } of next) args.push(list, envelope)
      args.push(...end)
    }
    const replies = (await store.script(
      SETTLE,
      [...fieldKeys(keys), keys.quarantine, keys.quarantineLarge],
      args,
    )) as number[]
    for (const [index, { field }] of step.entries()) if (replies[index] === 1) ended?.(field)
    outcomes.push(...replies.map((reply) => reply === 1))
  }
  return outcomes
}

export const ACK: readonly Argument[] = ['ack']

/** Back to waiting, or to the quarantine; there in any case what is too large to be read. */
export function backOrAside(
  keys: Keys,
  taken: Taken,
  end: Exclude<DeliveryEnd, { type: 'ack' }> | { readonly type: 'leaseOver' },
): readonly Argument[] {
  const { field, envelope, bytes } = taken
  const { queue, step } = placeOfClaim(field)
  if (end.type === 'quarantine') return aside(taken, end.reason, end.count)
  const count = end.type === 'leaseOver' ? 'lease' : end.count
  const problem = oversize(envelope, bytes)
  if (problem !== null) return aside(taken, problem.message)
  let written: string | Buffer = envelope
  if (count !== 'none') {
    try {
      written = rewriteEnvelope(envelope, queue, counted(readEnvelope(envelope).counts, count))
    } catch (error) {
      return aside(taken, (error as Error).message)
    }
  }
  if (end.type === 'leaseOver' || !(end.delayMs > 0)) return ['push', keys.list(queue, step), written]
  const delayMs = Math.min(MAX_DELAY_MS, Math.ceil(end.delayMs))
  if (count !== 'foreign') return park(queue, step, written, 'after', delayMs)
  // Spread, so that not all of them come back at once to the worker that does not know them.
  return park(queue, step, written, 'after', Math.ceil(delayMs * (1 + Math.random())), FOREIGN_MARK)
}

/** Into `unacked`, to come back `after` so many milliseconds or `at` a moment. */
export function park(
  queue: string,
  step: number,
  envelope: string | Buffer,
  from: 'at' | 'after',
  ms: number,
  mark = '',
): readonly Argument[] {
  const value = Buffer.concat([Buffer.from('['), Buffer.from(envelope), Buffer.from(suffixOf(queue))])
  return ['park', mark, tailOf(queue, step), value, from, ms]
}

export function aside(
  taken: Taken,
  reason: string,
  count: 'lease' | 'crash' | 'foreign' = 'lease',
): readonly Argument[] {
  const { queue } = placeOfClaim(taken.field)
  const { envelope, bytes } = taken
  const id = `${Date.now().toString().padStart(15, '0')}-${randomUUID()}`
  if (oversize(envelope, bytes) === null) return ['quarantine', id, entryOf(queue, envelope, reason, { count }), '']
  return ['quarantine', id, entryOf(queue, envelope.subarray(0, HEAD_BYTES), reason, { count, bytes }), 'large']
}

/** What a script of ours has put into `unacked`: a value of so many bytes, of which the beginning is enough. */
export function takenOf(field: string, bytes: number, value: Buffer): Taken {
  const { queue } = placeOfClaim(field)
  const end = bytes - Buffer.byteLength(suffixOf(queue))
  return { field, envelope: value.subarray(1, end), bytes: end - 1 }
}

function* stepsOf(endings: readonly Ending[]): Generator<readonly Ending[]> {
  let step: Ending[] = []
  let bytes = 0
  for (const ending of endings) {
    const size = sizeOf(ending)
    if (step.length > 0 && (step.length >= MAX_ENDINGS || bytes + size > MAX_BYTES)) {
      yield step
      step = []
      bytes = 0
    }
    step.push(ending)
    bytes += size
  }
  if (step.length > 0) yield step
}

function sizeOf({ result, next, end }: Ending): number {
  let bytes = 64 + (result?.text.length ?? 0)
  for (const { envelope } of next) bytes += envelope.length
  for (const part of end) bytes += typeof part === 'number' ? 8 : part.length
  return bytes
}

const MAX_ENDINGS = 256
const MAX_BYTES = 4 * 1024 * 1024
// Behind the nonce of a field: parked by a worker that does not know the task. The script that claims looks for it.
const FOREIGN_MARK = '-foreign'
// The last moment that a Date can name lies beyond it.
const MAX_DELAY_MS = 4e15
