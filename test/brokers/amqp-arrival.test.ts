/** The rules for what RabbitMQ delivers, without a RabbitMQ. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeArrival } from '../../src/brokers/amqp/arrival.ts'
import { isRefusal } from '../../src/brokers/amqp/errors.ts'
import { prepareReleased, routed } from '../../src/brokers/amqp/prepared.ts'
import { AmqpError } from '../../src/brokers/amqp/protocol/amqp-error.ts'
import { UnreadableHeaders } from '../../src/brokers/amqp/protocol/content.ts'
import type { Delivered } from '../../src/brokers/amqp/protocol/incoming.ts'
import { ReturnedMessages } from '../../src/brokers/amqp/returned-messages.ts'
import { toPublication } from '../../src/brokers/amqp/wire-message.ts'
import { outgoing } from '../conformance/store.ts'

const nowMs = Date.parse('2026-01-01T00:00:00Z')
const none = { deliveries: 0, crashes: 0, foreign: 0 }

function raw(headers: Record<string, unknown>, fields: Partial<Delivered> = {}): Delivered {
  const basics = { consumerTag: 'c', deliveryTag: 7, redelivered: false, exchange: '', routingKey: 'q' }
  return {
    ...basics,
    contentEncoding: 'utf-8',
    headers: { id: 'a', task: 't', ...headers },
    body: Buffer.from('b'),
    ...fields,
  }
}

const judge = (message: Delivered, returned = new ReturnedMessages()) => judgeArrival('q', message, returned, nowMs)

test('a first delivery is claimed, with the counts that it brings, and without what is not its own', () => {
  const judged = judge(
    raw({
      'x-carom': { deliveries: 2, crashes: 1, foreign: '3' },
      'x-death': [{}],
      'x-last-death-queue': 'q',
      mine: 1,
    }),
  )
  assert.ok(judged.type === 'claimable')
  assert.deepEqual(judged.arrival.counts, { deliveries: 3, crashes: 1, foreign: 0 })
  assert.deepEqual(judged.arrival.message.headers, { id: 'a', task: 't', mine: 1 })
})

test('a task that is named by no text is refused with what it is', () => {
  const hostile: Record<string, unknown> = { task: Object.create(null), id: ['a'], CC: ['elsewhere'] }
  const { message } = outgoing({ headers: hostile })
  const text = /^Cannot publish task an object \(an array of 1\): headers\.CC/
  assert.throws(() => toPublication('q', message), { code: 'CAROM_MESSAGE_INVALID', taskId: null, message: text })
})

test('a refusal is final, but not that the connections of a user or a virtual host are too many', () => {
  const refused = (text: string) => isRefusal(new AmqpError('NOT_ALLOWED', text))
  assert.ok(refused("NOT_ALLOWED - access to vhost 'limit' refused for user 'u'"))
  assert.ok(!refused("NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (2) is reached"))
  assert.ok(!refused("NOT_ALLOWED - connection refused for user 'u': user connection limit (2) is reached"))
})

test('a classic queue that delivers again has the message published with its count first', () => {
  const judged = judge(raw({ 'x-carom': { deliveries: 4 } }, { redelivered: true }))
  assert.ok(judged.type === 'moved')
  assert.deepEqual([judged.to.queue, judged.to.dueMs], ['q', 0])
  assert.deepEqual(judged.to.publication.headers['x-carom'], { deliveries: 5 })
})

test('what this process gave back itself counts as nothing, once for each time', () => {
  const returned = new ReturnedMessages()
  const { message } = outgoing({ id: 'a', body: Buffer.from('b') })
  returned.add('q', message)
  const again = raw({}, { redelivered: true })
  const judged = judge(again, returned)
  assert.ok(judged.type === 'claimable')
  assert.equal(judged.arrival.counts.deliveries, 1)
  assert.equal(judge(again, returned).type, 'moved')
})

test('a quorum queue counts itself, less what this process gave back, and what it counted twice is published anew', () => {
  const returned = new ReturnedMessages()
  const again = (returns: number) =>
    judge(raw({ 'x-delivery-count': returns, 'x-carom': { deliveries: 10 } }, { redelivered: true }), returned)
  const counted = again(1)
  returned.add('q', outgoing({ id: 'a', body: Buffer.from('b') }).message)
  const uncounted = again(1)
  assert.ok(counted.type === 'claimable' && uncounted.type === 'claimable')
  assert.deepEqual([counted.arrival.counts.deliveries, uncounted.arrival.counts.deliveries], [12, 11])
  const anew = again(2)
  assert.ok(anew.type === 'moved')
  assert.deepEqual(anew.to.publication.headers, { id: 'a', task: 't', 'x-carom': { deliveries: 11 } })
  // Of the new message this process has given back nothing.
  const next = again(1)
  assert.ok(next.type === 'claimable')
  assert.equal(next.arrival.counts.deliveries, 12)
})

test('what is not due goes into the delayed delivery for the seconds that are left, rounded up', () => {
  const judged = judge(raw({ eta: '2026-01-01T00:00:04.200Z' }, { expiration: '60000' }))
  assert.ok(judged.type === 'moved')
  const publication = routed(judged.to, nowMs)
  assert.equal(publication.exchange, 'celery_delayed_27')
  assert.match(publication.routingKey, /^(0\.){25}1\.0\.1\.q$/)
  assert.equal('expiration' in publication.properties, false)
  assert.equal(judge(raw({ eta: '2025-12-31T23:59:59Z' })).type, 'claimable')
  assert.equal(judge(raw({ eta: 'tomorrow' })).type, 'claimable')
})

test('a delay that is too long for the delayed delivery is remembered in the message, a shorter one is not', () => {
  const { message } = outgoing({ id: 'a' })
  assert.equal(prepareReleased('q', message, none, 60_000).publication.headers['x-carom'], undefined)
  const { publication, dueMs } = prepareReleased('q', message, none, 2 ** 29 * 1000)
  assert.deepEqual(publication.headers['x-carom'], { dueMs: Math.ceil(dueMs) })
  const parked = judge(raw({ 'x-carom': { dueMs: nowMs + 1_000 } }))
  assert.ok(parked.type === 'moved')
  assert.equal(parked.to.dueMs, nowMs + 1_000)
})

test('what cannot be read goes into the quarantine with the reason, its body and where it came from', () => {
  const judged = judge(raw({}, { headers: new UnreadableHeaders('are nested deeper than 64 levels') }))
  assert.ok(judged.type === 'moved')
  assert.equal(judged.to.queue, 'carom.quarantine')
  const carom = judged.to.publication.headers['x-carom'] as Record<string, unknown>
  assert.match(String(carom.reason), /cannot be read: headers are nested deeper/)
  assert.deepEqual([carom.queue, carom.atMs], ['q', nowMs])
  assert.equal(String(judged.to.publication.body), 'b')
})

test('an expiration that RabbitMQ would refuse is left out: the header is what counts', () => {
  const expirationOf = (expiration: string) => {
    const sent = toPublication('q', { ...outgoing({ id: 'a' }).message, properties: { expiration } })
    return sent.properties.expiration
  }
  assert.equal(expirationOf('4294967295'), '4294967295')
  assert.equal(expirationOf('4294967296'), undefined)
  assert.equal(expirationOf('252455615999999'), undefined)
  assert.throws(() => expirationOf('soon'), { code: 'CAROM_MESSAGE_INVALID' })
})
