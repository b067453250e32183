/** What a message carries beside its body: AMQP's fourteen properties, one of which is the table of headers. */
import { toFailure } from '../../../support/failure.ts'
import { readTable } from './field-table.ts'
import type { FrameWriter } from './frame-writer.ts'

export interface Properties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly deliveryMode?: number | undefined
  readonly priority?: number | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  readonly expiration?: string | undefined
  readonly messageId?: string | undefined
  /** Seconds. */
  readonly timestamp?: number | undefined
  readonly type?: string | undefined
  readonly appId?: string | undefined
}

export type Headers = Readonly<Record<string, unknown>>

/** Stands for headers that could not be read: the message is there, and somebody has to end it. */
export class UnreadableHeaders {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

export interface Content extends Properties {
  readonly headers?: Headers | UnreadableHeaders | undefined
  readonly body: Buffer
}

export interface ContentHeader {
  readonly bodyBytes: number
  readonly properties: Omit<Content, 'body'>
}

type Kind = 'text' | 'octet' | 'seconds' | 'headers'

/** The payload of a header frame. @throws RangeError where it ends too early */
export function readContentHeader(payload: Buffer): ContentHeader {
  const bodyBytes = Number(payload.readBigUInt64BE(BODY_BYTES_AT))
  const flags = payload.readUInt16BE(FLAGS_AT)
  const properties: Record<string, unknown> = {}
  let at = FLAGS_AT + 2
  for (const [name, kind, flag] of PROPERTIES) {
    if ((flags & flag) === 0) continue
    switch (kind) {
      case 'text': {
        const end = at + 1 + payload.readUInt8(at)
        if (end > payload.byteLength) throw new RangeError('A property is longer than its frame')
        properties[name] = payload.toString('utf8', at + 1, end)
        at = end
        break
      }
      case 'octet':
        properties[name] = payload.readUInt8(at)
        at += 1
        break
      case 'seconds':
        properties[name] = Number(payload.readBigUInt64BE(at))
        at += 8
        break
      case 'headers': {
        const end = at + 4 + payload.readUInt32BE(at)
        properties[name] = readHeaders(payload.subarray(0, end), at)
        at = end
      }
    }
  }
  return { bodyBytes, properties }
}

/** A header frame's payload. @throws FieldTableError, RangeError for what AMQP has no form for */
export function putContentHeader(to: FrameWriter, properties: Properties, headers: Headers, bodyBytes: number): void {
  const given = properties as Readonly<Record<string, unknown>>
  let flags = 0
  for (const [name, kind, flag] of PROPERTIES) if (kind === 'headers' || given[name] !== undefined) flags |= flag
  to.short(CLASS_BASIC).short(0).longLong(bodyBytes).short(flags)
  for (const [name, kind, flag] of PROPERTIES) {
    if ((flags & flag) === 0) continue
    if (kind === 'text') to.text(given[name] as string)
    else if (kind === 'octet') to.octet(given[name] as number)
    else if (kind === 'seconds') to.longLong(given[name] as number)
    else to.table(headers)
  }
}

/** One table nested by the thousand is no reason to give the connection up: it would come again on the next. */
function readHeaders(payload: Buffer, at: number): Headers | UnreadableHeaders {
  try {
    return readTable(payload, at)[0]
  } catch (error) {
    return new UnreadableHeaders(toFailure(error).message)
  }
}

const CLASS_BASIC = 60
const BODY_BYTES_AT = 4
const FLAGS_AT = 12
/** In the order of the wire. Nobody but RabbitMQ may set `userId`, and nothing reads `clusterId`. */
const PROPERTIES: readonly (readonly [name: string, kind: Kind, flag: number])[] = [
  ['contentType', 'text', 0x8000],
  ['contentEncoding', 'text', 0x4000],
  ['headers', 'headers', 0x2000],
  ['deliveryMode', 'octet', 0x1000],
  ['priority', 'octet', 0x0800],
  ['correlationId', 'text', 0x0400],
  ['replyTo', 'text', 0x0200],
  ['expiration', 'text', 0x0100],
  ['messageId', 'text', 0x0080],
  ['timestamp', 'seconds', 0x0040],
  ['type', 'text', 0x0020],
  ['userId', 'text', 0x0010],
  ['appId', 'text', 0x0008],
  ['clusterId', 'text', 0x0004],
]
