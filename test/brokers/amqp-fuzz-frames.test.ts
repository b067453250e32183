/** Fifty thousand messages of which bytes are spoilt, as a socket gives them. */
import { test } from 'node:test'
import { readRequest } from '../../src/brokers/amqp/control-wire.ts'
import { FRAME_BODY, FRAME_HEADER } from '../../src/brokers/amqp/protocol/frame-reader.ts'
import type { UncheckedMessage } from '../../src/message/headers.ts'
import { fuzz } from '../message/fuzz-run.ts'
import { spoilBytes, spoilText } from '../message/mutations.ts'
import { pick, type Random } from '../pool/random.ts'
import {
  ADDED,
  checkDelivered,
  checkReply,
  deliverFrame,
  framed,
  framesOf,
  headerOf,
  messages,
  publicationOf,
  receivedFrom,
} from './amqp-fuzz-lab.ts'

const requests = [
  '{"method":"ping","arguments":{},"destination":["a"],"ticket":"t","reply_to":{"exchange":"e","routing_key":"k"}}',
]
const replies = [
  '{"task_id":"a","status":"SUCCESS","result":1,"traceback":null,"children":[[["b",null],null]],"parent_id":"c"}',
]

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
