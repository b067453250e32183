/** What the worker asks of a child, as it travels there. */
import type { FollowUps } from '../canvas/follow-ups.ts'
import { decodeWireJson, encodeWireJson } from '../message/wire-json.ts'
import type { CompleteChord } from '../results/chord.ts'

/** What one run of a task needs. */
export interface RunOrder {
  readonly headers: Readonly<Record<string, unknown>>
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
  readonly queue: string
  readonly attempt: number
}

/** An order as the arguments of a call. As text the headers cost both sides a fraction of what an object does. */
export type PackedOrder = readonly [
  headers: string,
  contentType: string,
  contentEncoding: string,
  body: Uint8Array,
  queue: string,
  attempt: number,
]

/** @throws UnencodableError for headers that are no JSON data. */
export function packOrder(order: RunOrder): PackedOrder {
  const { headers, contentType, contentEncoding, body, queue, attempt } = order
  return [encodeWireJson(headers, { root: 'headers' }), contentType, contentEncoding, body, queue, attempt]
}

export function unpackOrder([headers, contentType, contentEncoding, body, queue, attempt]: PackedOrder): RunOrder {
  const read = decodeWireJson(headers) as RunOrder['headers']
  return { headers: read, contentType, contentEncoding, body, queue, attempt }
}

/** What follows a task, and a chord that it has found complete. */
export type FollowedUp = FollowUps & { readonly unlocked?: ChordOrder }

/** A chord whose parts are all there. */
export interface ChordOrder {
  readonly groupId: string
  /** The body's signature as JSON, and its id where it has one. */
  readonly body: Uint8Array
  readonly bodyId: string | null
  /** The part that was the last one, the root of its workflow, and the queue it came from. */
  readonly partId: string
  readonly rootId: string
  readonly queue: string
  readonly parts: CompleteChord
}
