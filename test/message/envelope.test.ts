import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCaromError } from '../../src/errors.ts'
import { buildEnvelope, parseEnvelope } from '../../src/message/envelope.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { captured } from './wire-fixtures.ts'

const raw = captured('redis-56-task-kwargs').raw
const route = { deliveryTag: 'tag-1', exchange: '', routingKey: 'shop' }

test('parseEnvelope() gives the message and where it was going', () => {
  const envelope = parseEnvelope(raw)
  assert.deepEqual(
    [
      envelope.deliveryTag,
      envelope.exchange,
      envelope.routingKey,
      envelope.properties.expiration,
      envelope.properties.priority,
    ],
    ['4f714a6c-79c3-498a-82f4-b2ce9719277d', '', 'celery', '60000', 6],
  )
  assert.deepEqual([envelope.headers['x-custom'], envelope.deliveryInfo, envelope.others], ['v', {}, {}])
})

test('buildEnvelope() of a new message has everything without which a Python worker dies', () => {
  const message = buildTaskMessage({ task: 'shop.add', id: 'id-1', args: ['é'], kwargs: {} })
  const envelope = JSON.parse(buildEnvelope({ ...message, ...route }))
  assert.deepEqual(envelope.properties, {
    correlation_id: 'id-1',
    delivery_mode: 2,
    priority: 0,
    delivery_info: { exchange: '', routing_key: 'shop' },
    body_encoding: 'base64',
    delivery_tag: 'tag-1',
  })
  assert.equal(Buffer.from(envelope.body, 'base64').toString(), Buffer.from(message.body).toString())
  assert.deepEqual(Object.keys(envelope).sort(), ['body', 'content-encoding', 'content-type', 'headers', 'properties'])
})

test('an envelope keeps the keys that nobody knows', () => {
  const changed = edited((envelope) => {
    Object.assign(envelope, { 'x-top': [1] })
    Object.assign(envelope.headers, { redelivered: true, 'x-big': 1 })
    Object.assign(envelope.properties, { message_id: 'm' })
    Object.assign(envelope.properties.delivery_info, { redelivered: true })
  })
  const { deliveryTag, ...envelope } = parseEnvelope(changed)
  assert.deepEqual([envelope.others, envelope.deliveryInfo], [{ 'x-top': [1] }, { redelivered: true }])
  const again = buildEnvelope({ ...envelope, deliveryTag: deliveryTag ?? '', exchange: '', routingKey: 'celery' })
  assert.deepEqual(JSON.parse(again), JSON.parse(changed))
})

test('parseEnvelope() bears what is missing, and leaves it to be filled in', () => {
  const envelope = parseEnvelope('{"body": "[]", "content-type": "application/json"}')
  assert.deepEqual(envelope, {
    headers: {},
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from('[]'),
    deliveryTag: null,
    exchange: null,
    routingKey: null,
    deliveryInfo: {},
    others: {},
  })
  const plain = JSON.stringify({ body: 'grüß', 'content-type': 'x', properties: { body_encoding: 'utf-8' } })
  assert.equal(Buffer.from(parseEnvelope(plain).body).toString(), 'grüß')
})

test('parseEnvelope() names the field that makes an envelope unusable', () => {
  const cases: [string, string][] = [
    ['', 'envelope'],
    ['\u0000\u0001garbage', 'envelope'],
    ['"\ud800"', 'envelope'],
    ['5', 'envelope'],
    ['null', 'envelope'],
    ['[1]', 'envelope'],
    ['{"__type__": "bytes", "__value__": "a"}', 'envelope'],
    ['['.repeat(100_000), 'envelope'],
    ['{}', 'body'],
    [edited((envelope) => Object.assign(envelope, { body: 5 })), 'body'],
    [edited((envelope) => Object.assign(envelope, { body: 'not base64!' })), 'body'],
    [edited((envelope) => Object.assign(envelope, { body: 'W1sy' + '=' })), 'body'],
    [edited((envelope) => Object.assign(envelope, { headers: [] })), 'headers'],
    [edited((envelope) => Object.assign(envelope, { properties: 'x' })), 'properties'],
    [edited((envelope) => Object.assign(envelope, { 'content-type': null })), 'content-type'],
    [edited((envelope) => Object.assign(envelope, { 'content-encoding': 5 })), 'content-encoding'],
    ...Object.entries({
      delivery_info: 5,
      delivery_tag: 5,
      body_encoding: 'rot13',
      priority: 'high',
      delivery_mode: [],
      expiration: 60000,
      correlation_id: {},
      reply_to: 1,
    }).map(([name, value]): [string, string] => [
      edited((envelope) => Object.assign(envelope.properties, { [name]: value })),
      `properties.${name}`,
    ]),
    [
      edited((envelope) => Object.assign(envelope.properties.delivery_info, { exchange: 5 })),
      'properties.delivery_info.exchange',
    ],
    [
      edited((envelope) => Object.assign(envelope.properties.delivery_info, { routing_key: [] })),
      'properties.delivery_info.routing_key',
    ],
  ]
  for (const [text, field] of cases) {
    assert.throws(
      () => parseEnvelope(text),
      (error) => {
        assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
        assert.equal(error.field, field)
        return true
      },
    )
  }
})

test('parseEnvelope() gives an envelope or CAROM_MESSAGE_INVALID, whatever the text', () => {
  const where = fc.double({ min: 0, max: 1, noNaN: true })
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('null', '{}', '[]', '5', '"', '\\'),
  )
  fc.assert(
    fc.property(where, fc.nat(40), piece, (at, removed, inserted) => {
      const start = Math.floor(at * raw.length)
      try {
        parseEnvelope(raw.slice(0, start) + inserted + raw.slice(start + removed))
      } catch (error) {
        assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
      }
    }),
    { numRuns: 500 },
  )
})

interface Captured {
  headers: Record<string, unknown>
  properties: Record<string, unknown> & { delivery_info: Record<string, unknown> }
}

function edited(change: (envelope: Captured) => void): string {
  const envelope = JSON.parse(raw) as Captured
  change(envelope)
  return JSON.stringify(envelope)
}
