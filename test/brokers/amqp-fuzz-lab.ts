/** What is asked of every message that RabbitMQ delivers, however spoilt, from its frames on. */
import assert from 'node:assert/strict'
import { judgeArrival } from '../../src/brokers/amqp/arrival.ts'
import { prepareReleased, routed } from '../../src/brokers/amqp/prepared.ts'
import { AmqpError } from '../../src/brokers/amqp/protocol/amqp-error.ts'
import { Channel } from '../../src/brokers/amqp/protocol/channel.ts'
import { putContentHeader } from '../../src/brokers/amqp/protocol/content.ts'
import { FRAME_BODY, FRAME_HEADER, FrameReader } from '../../src/brokers/amqp/protocol/frame-reader.ts'
import { FrameWriter } from '../../src/brokers/amqp/protocol/frame-writer.ts'
import type { Delivered } from '../../src/brokers/amqp/protocol/incoming.ts'
import { METHOD, method } from '../../src/brokers/amqp/protocol/methods.ts'
import { type Publication, putPublication } from '../../src/brokers/amqp/protocol/publication.ts'
import { prepareQuarantined, readQuarantined } from '../../src/brokers/amqp/quarantined.ts'
import { readReply } from '../../src/brokers/amqp/result-reply.ts'
import { ReturnedMessages } from '../../src/brokers/amqp/returned-messages.ts'
import type { DeliveryCounts } from '../../src/brokers/broker.ts'
import { isCaromError } from '../../src/errors.ts'
import { parseEnvelope } from '../../src/message/envelope.ts'
import type { UncheckedMessage } from '../../src/message/headers.ts'
import type { Message } from '../../src/message/message.ts'
import { checkReading, writtenMessages } from '../message/fuzzed-message.ts'
import { spoilText } from '../message/mutations.ts'
import { capturedMessages } from '../message/wire-fixtures.ts'
import type { Random } from '../pool/random.ts'

const FRAME_MAX = 131_072
const RETURNED = new ReturnedMessages()
const writer = new FrameWriter()
const [FIRST, AGAIN] = [false, true].map((redelivered) =>
  written((to) => method(to, 1, METHOD.basicDeliver).text('c1').longLong(7).bits(redelivered).text('').text('q').end()),
) as [Buffer, Buffer]
const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
/** What RabbitMQ and Carom add to a message on its way. */
export const ADDED = {
  'x-carom': { deliveries: 1, crashes: 2, foreign: 0, dueMs: NOW_MS, reason: 'why', atMs: 1, queue: 'q', taskId: 'a' },
  'x-delivery-count': 1,
  'x-death': [{ count: 1, reason: 'expired', queue: 'q', time: 1, exchange: '', 'routing-keys': ['q'] }],
}
export const messages: UncheckedMessage[] = [
  ...capturedMessages().flatMap(({ raw }) => (raw.length < 4_000 ? [parseEnvelope(raw)] : [])),
  ...writtenMessages(),
]
/** What is asked of every message that arrives, whatever is in it: that it can be ended in any way. Gives whether it can be read. */
export function checkDelivered(delivered: Delivered, random: Random): boolean {
  const judgement = judgeArrival('q', delivered, RETURNED, NOW_MS)
  if (judgement.type === 'moved') {
    write(routed(judgement.to, NOW_MS))
    return false
  }
  const { message, counts } = judgement.arrival
  for (const count of Object.values(counts)) assert.ok(Number.isSafeInteger(count) && count >= 0)
  // Each takes as long as the rest.
  if (random() < 0.1) checkEnds(delivered, message, counts)
  return checkReading(message as unknown as UncheckedMessage)
}

function checkEnds(delivered: Delivered, message: Message, counts: DeliveryCounts): void {
  write(prepareQuarantined('q', message, counts, 'for a test', NOW_MS).publication)
  assert.equal(typeof readQuarantined(delivered).taskId, 'string')
  try {
    write(prepareReleased('q', message, counts, 0).publication)
  } catch (error) {
    assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
  }
}

export function checkReply(text: string): boolean {
  try {
    readReply(Buffer.from(text))
    return true
  } catch (error) {
    assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
    return false
  }
}

/** Everything that a channel hands out of these chunks, until it gives the connection up. */
export function receivedFrom(chunks: readonly Uint8Array[]): Delivered[] {
  const delivered: Delivered[] = []
  try {
    deliveriesOf(chunks, delivered)
  } catch (error) {
    assert.ok(error instanceof AmqpError || error instanceof RangeError, String((error as Error).stack))
  }
  return delivered
}

export function deliveriesOf(chunks: readonly Uint8Array[], delivered: Delivered[] = []): Delivered[] {
  const channel = new Channel(1, { output: writer, frameMax: FRAME_MAX, wrote() {}, channelClosed() {} })
  // Its answer comes by chance, if at all.
  channel.basicConsume({ queue: 'q', consumerTag: 'c1' }, (message) => delivered.push(message)).catch(() => {})
  writer.cut(0)
  const reader = new FrameReader(FRAME_MAX, (type, _, payload) => channel.received(type, payload))
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return delivered
}

export function publicationOf(message: UncheckedMessage, random: Random): Publication {
  const spoilt =
    random() < 0.2 ? { correlationId: spoilText('id-1', random), priority: Math.floor(random() * 256) } : {}
  const { contentType, contentEncoding, body } = message
  const properties = { contentType: String(contentType), contentEncoding: String(contentEncoding), ...spoilt }
  return { exchange: '', routingKey: 'q', mandatory: true, properties, headers: message.headers, body }
}

export function framesOf({ properties, headers, body }: Publication, redelivered: boolean): Buffer {
  return written((to) => {
    to.bytes(deliverFrame(redelivered))
    putContentHeader(to.begin(FRAME_HEADER, 1), properties, headers, body.byteLength)
    to.end()
    if (body.byteLength > 0) to.begin(FRAME_BODY, 1).bytes(body).end()
  })
}

export function deliverFrame(redelivered: boolean): Buffer {
  return redelivered ? AGAIN : FIRST
}

export function headerOf(headers: UncheckedMessage['headers'], { body }: UncheckedMessage): Buffer {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return written((to) => putContentHeader(to, properties, headers, body.byteLength))
}

export function framed(type: number, payload: Uint8Array): Buffer {
  return written((to) => to.begin(type, 1).bytes(payload).end())
}

function write(publication: Publication): void {
  written((to) => putPublication(to, 1, FRAME_MAX, publication))
}

function written(put: (to: FrameWriter) => void): Buffer {
  try {
    put(writer)
    return writer.take()
  } catch (error) {
    writer.cut(0)
    throw error
  }
}
