/**
 * Between the library and its frames, for the headers of messages. What the library cannot read there (a table nested
 * by the thousand, an integer as Python writes it) makes it give the connection up; RabbitMQ delivers the message again
 * on the next one, and so nothing behind it would ever be read. Here headers are read and written by `field-table.ts`,
 * and those that cannot be read are marked, so that the message ends in the quarantine.
 */
import { createRequire } from 'node:module'
import type { Channel, Connection } from 'rabbitmq-client'
import { toFailure } from '../../support/failure.ts'
import { readTable, writeTable } from './field-table.ts'

/** Stands for headers that could not be read. */
export class UnreadableHeaders {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

type Read = (bytes: number) => Promise<Buffer>
type Fields = Readonly<Record<string, unknown>>
interface Sized {
  frameMax: number
}
interface Codec {
  decodeFrame(read: Read): Promise<unknown>
  genContentFrames(channelId: number, fields: Fields, body: Buffer, maxFrameBytes: number): Iterable<Buffer>
}

/** Of all connections of this process; once. */
export function guardFrames(): void {
  if (isGuarded) return
  isGuarded = true
  const codec = createRequire(import.meta.url)('rabbitmq-client/lib/codec.js') as Codec
  const { decodeFrame, genContentFrames } = codec
  codec.decodeFrame = async (read) => {
    const head = await read(HEAD_BYTES)
    const payload = await read(head.readUInt32BE(SIZE_AT) + 1)
    const whole = payload.at(-1) === FRAME_END
    if (head[0] !== HEADER_FRAME || !whole) return decodeFrame(replaying([head, payload]))
    const { rest, headers } = cutHeaders(payload)
    head.writeUInt32BE(rest.byteLength - 1, SIZE_AT)
    const frame = (await decodeFrame(replaying([head, rest]))) as { fields: Fields }
    return headers === null ? frame : { ...frame, fields: { ...frame.fields, headers } }
  }
  codec.genContentFrames = (channelId, fields, body, maxFrameBytes) => {
    const { headers, ...others } = fields
    const table = typeof headers === 'object' && headers !== null ? writeTable(headers) : null
    // The library says what is wrong with what is too long, or odd.
    if (table === null || table.byteLength > maxFrameBytes - OTHERS_BYTES) {
      return genContentFrames(channelId, fields, body, maxFrameBytes)
    }
    return withHeaders(genContentFrames(channelId, others, body, maxFrameBytes), table)
  }
}

/** The library would cut bodies by the size that was asked for, and not by the one that the server has agreed to. */
export function fitFrames(connection: Connection): void {
  const { _opt, _state } = connection as unknown as { _opt: Sized; readonly _state: Sized }
  _opt.frameMax = _state.frameMax
}

/** The library would read a body for which nobody has said how it is encoded: its numbers came as others. */
export function keepBodies(channel: Channel): void {
  const receiving = channel as unknown as { _onHeader(frame: { readonly fields: Fields }): void }
  const onHeader = receiving._onHeader.bind(channel)
  receiving._onHeader = (frame) => {
    const contentEncoding = frame.fields.contentEncoding || 'utf-8'
    onHeader({ ...frame, fields: { ...frame.fields, contentEncoding } })
  }
}

/** Header frames without their table, for which the library's reader is good. */
function cutHeaders(payload: Buffer): { readonly rest: Buffer; readonly headers: unknown } {
  const flags = payload.readUInt16BE(FLAGS_AT)
  if ((flags & HAS_HEADERS) === 0) return { rest: payload, headers: null }
  const at = tableAt(payload, 0)
  const end = at + 4 + payload.readUInt32BE(at)
  const rest = Buffer.concat([payload.subarray(0, at), payload.subarray(end)])
  rest.writeUInt16BE(flags & ~HAS_HEADERS, FLAGS_AT)
  try {
    return { rest, headers: readTable(payload.subarray(0, end), at)[0] }
  } catch (error) {
    return { rest, headers: new UnreadableHeaders(toFailure(error).message) }
  }
}

function* withHeaders(frames: Iterable<Buffer>, table: Buffer): Iterable<Buffer> {
  for (const frame of frames) yield frame[0] === HEADER_FRAME ? spliced(frame, table) : frame
}

function spliced(frame: Buffer, table: Buffer): Buffer {
  const at = tableAt(frame, HEAD_BYTES)
  const longer = Buffer.concat([frame.subarray(0, at), table, frame.subarray(at)])
  longer.writeUInt32BE(frame.readUInt32BE(SIZE_AT) + table.byteLength, SIZE_AT)
  longer.writeUInt16BE(frame.readUInt16BE(HEAD_BYTES + FLAGS_AT) | HAS_HEADERS, HEAD_BYTES + FLAGS_AT)
  return longer
}

/** Where the table is in a payload that begins at `from`: behind the content type and its encoding. */
function tableAt(bytes: Buffer, from: number): number {
  const flags = bytes.readUInt16BE(from + FLAGS_AT)
  let at = from + FLAGS_AT + 2
  for (const flag of BEFORE_HEADERS) if ((flags & flag) !== 0) at += 1 + bytes.readUInt8(at)
  return at
}

function replaying(parts: Buffer[]): Read {
  return () => Promise.resolve(parts.shift() as Buffer)
}

let isGuarded = false
const HEADER_FRAME = 2
const FRAME_END = 206
const HEAD_BYTES = 7
const SIZE_AT = 3
// Class, weight and body size are before it.
const FLAGS_AT = 12
const HAS_HEADERS = 0x2000
const BEFORE_HEADERS = [0x8000, 0x4000]
/** More than all other properties take, which are short texts. */
const OTHERS_BYTES = 3_000
