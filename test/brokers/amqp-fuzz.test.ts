/** A hundred thousand spoilt messages through RabbitMQ's decoder: frames, tables, and what reads what they give. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeArrival } from '../../src/brokers/amqp/arrival.ts'
import { readRequest } from '../../src/brokers/amqp/control-wire.ts'
import { prepareReleased, routed } from '../../src/brokers/amqp/prepared.ts'
import { AmqpError } from '../../src/brokers/amqp/protocol/amqp-error.ts'
import { Channel } from '../../src/brokers/amqp/protocol/channel.ts'
import { putContentHeader } from '../../src/brokers/amqp/protocol/content.ts'
import { FieldTableError } from '../../src/brokers/amqp/protocol/field-table.ts'
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
import { fuzz } from '../message/fuzz-run.ts'
import { checkReading, spoilMessage, writtenMessages } from '../message/fuzzed-message.ts'
import { spoilBytes, spoilText, spoilValue } from '../message/mutations.ts'
import { capturedMessages } from '../message/wire-fixtures.ts'
import { pick, type Random } from '../pool/random.ts'

const FRAME_MAX = 131_072
const RETURNED = new ReturnedMessages()
const writer = new FrameWriter()
const [FIRST, AGAIN] = [false, true].map((redelivered) =>
  written((to) => method(to, 1, METHOD.basicDeliver).text('c1').longLong(7).bits(redelivered).text('').text('q').end()),
) as [Buffer, Buffer]
const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
/** What RabbitMQ and Carom add to a message on its way. */
const ADDED = {
  'x-carom': { deliveries: 1, crashes: 2, foreign: 0, dueMs: NOW_MS, reason: 'why', atMs: 1, queue: 'q', taskId: 'a' },
  'x-delivery-count': 1,
  'x-death': [{ count: 1, reason: 'expired', queue: 'q', time: 1, exchange: '', 'routing-keys': ['q'] }],
}
const messages: UncheckedMessage[] = [
  ...capturedMessages().flatMap(({ raw }) => (raw.length < 8_000 ? [parseEnvelope(raw)] : [])),
  ...writtenMessages(),
]
const requests = [
  '{"method":"ping","arguments":{},"destination":["a"],"ticket":"t","reply_to":{"exchange":"e","routing_key":"k"}}',
]
const replies = [
  '{"task_id":"a","status":"SUCCESS","result":1,"traceback":null,"children":[[["b",null],null]],"parent_id":"c"}',
]

test('spoilt headers, properties and bodies are read, refused by name, or set aside', (t) => {
  fuzz(t, 11, (random) => {
    const message = spoilMessage(pick(messages, random), random)
    const added = random() < 0.3 ? (spoilValue(ADDED, random) as object) : {}
    const publication = publicationOf({ ...message, headers: { ...message.headers, ...added } }, random)
    let frames: Buffer
    try {
      frames = framesOf(publication, random() < 0.2)
    } catch (error) {
      // Nobody can send it.
      assert.ok(error instanceof FieldTableError || error instanceof RangeError, String(error))
      return false
    }
    const [delivered, ...more] = deliveriesOf([frames])
    assert.ok(delivered !== undefined && more.length === 0)
    return checkDelivered(delivered, random)
  })
})

test('spoilt frames, cut anywhere, end the connection or leave messages as good as others, and so do replies', (t) => {
  fuzz(t, 12, (random) => {
    const kind = random()
    if (kind < 0.1) return checkReply(spoilText(pick(replies, random), random))
    if (kind < 0.2) return readRequest(Buffer.from(spoilText(pick(requests, random), random)), 'a') !== null
    const message = pick(messages, random)
    const bytes = kind < 0.6 ? spoiltHeader(message, random) : spoiltStream(message, random)
    const at = Math.floor(random() * bytes.byteLength)
    const delivered = receivedFrom([bytes.subarray(0, at), bytes.subarray(at)])
    return delivered.map((each) => checkDelivered(each, random)).includes(true)
  })
})

/** As whole as RabbitMQ leaves it, which looks into no header. */
function spoiltHeader(message: UncheckedMessage, random: Random): Buffer {
  const header = spoilBytes(headerOf({ ...message.headers, ...ADDED }, message), random)
  return Buffer.concat([deliverFrame(false), framed(FRAME_HEADER, header), framed(FRAME_BODY, message.body)])
}

function spoiltStream(message: UncheckedMessage, random: Random): Buffer {
  const whole = framesOf(publicationOf(message, random), false)
  return Buffer.from(spoilBytes(Buffer.concat([whole, whole]), random))
}

/** What is asked of every message that arrives, whatever is in it: that it can be ended in any way. Gives whether it can be read. */
function checkDelivered(delivered: Delivered, random: Random): boolean {
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

function checkReply(text: string): boolean {
  try {
    readReply(Buffer.from(text))
    return true
  } catch (error) {
    assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
    return false
  }
}

/** Everything that a channel hands out of these chunks, until it gives the connection up. */
function receivedFrom(chunks: readonly Uint8Array[]): Delivered[] {
  const delivered: Delivered[] = []
  try {
    deliveriesOf(chunks, delivered)
  } catch (error) {
    assert.ok(error instanceof AmqpError || error instanceof RangeError, String((error as Error).stack))
  }
  return delivered
}

function deliveriesOf(chunks: readonly Uint8Array[], delivered: Delivered[] = []): Delivered[] {
  const channel = new Channel(1, { output: writer, frameMax: FRAME_MAX, wrote() {}, channelClosed() {} })
  // Its answer comes by chance, if at all.
  channel.basicConsume({ queue: 'q' }, (message) => delivered.push(message)).catch(() => {})
  writer.cut(0)
  const reader = new FrameReader(FRAME_MAX, (type, _, payload) => channel.received(type, payload))
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return delivered
}

function publicationOf(message: UncheckedMessage, random: Random): Publication {
  const spoilt =
    random() < 0.2 ? { correlationId: spoilText('id-1', random), priority: Math.floor(random() * 256) } : {}
  const { contentType, contentEncoding, body } = message
  const properties = { contentType: String(contentType), contentEncoding: String(contentEncoding), ...spoilt }
  return { exchange: '', routingKey: 'q', mandatory: true, properties, headers: message.headers, body }
}

function framesOf({ properties, headers, body }: Publication, redelivered: boolean): Buffer {
  return written((to) => {
    to.bytes(deliverFrame(redelivered))
    putContentHeader(to.begin(FRAME_HEADER, 1), properties, headers, body.byteLength)
    to.end()
    if (body.byteLength > 0) to.begin(FRAME_BODY, 1).bytes(body).end()
  })
}

function deliverFrame(redelivered: boolean): Buffer {
  return redelivered ? AGAIN : FIRST
}

function headerOf(headers: UncheckedMessage['headers'], { body }: UncheckedMessage): Buffer {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return written((to) => putContentHeader(to, properties, headers, body.byteLength))
}

function framed(type: number, payload: Uint8Array): Buffer {
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
