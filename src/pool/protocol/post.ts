/** Frames between two threads: the same messages, as a MessagePort carries them. */
import type { MessagePort } from 'node:worker_threads'
import type { Encoding, Frame, Payload } from './frame.ts'
import { EMPTY } from './frame.ts'

/** What a thread is given to speak to its parent. */
export interface ThreadChannel {
  readonly port: MessagePort
  /** In its first cell the parent counts the progress that it has heard: what is told faster is not queued. */
  readonly progressHeard: Int32Array
}

/** Its receiver is one child and knows its number. What is `undefined` is not meant. */
export type Post = readonly [
  type: number,
  job: number,
  amount: number,
  encoding?: Encoding,
  bytes?: Uint8Array,
  shared?: readonly object[],
]

export function toPost({ type, job, amount, payload }: Frame): Post {
  const { encoding, bytes, shared } = payload
  if (encoding === 'none') return [type, job, amount]
  return shared === undefined
    ? [type, job, amount, encoding, alone(bytes)]
    : [type, job, amount, encoding, alone(bytes), shared]
}

export function fromPost([type, job, amount, encoding, bytes, shared]: Post, generation: number): Frame {
  return { type, job, amount, generation, payload: payloadOf(encoding, bytes, shared) }
}

function payloadOf(encoding: Encoding | undefined, bytes: Uint8Array | undefined, shared: Post[5]): Payload {
  if (encoding === undefined || bytes === undefined) return EMPTY
  // A Buffer arrives as a mere Uint8Array.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return shared === undefined ? { encoding, bytes: buffer } : { encoding, bytes: buffer, shared }
}

/** A view is posted with all of the memory that it is a view of. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.prototype.slice.call(bytes)
}
