import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAmqpUrl, storeName } from '../../src/brokers/amqp/address.ts'
import { delayedKey, delayLevels, dueKey } from '../../src/brokers/amqp/delayed-delivery.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { parseStoreUrl } from '../../src/brokers/url.ts'
import { isCaromError } from '../../src/errors.ts'
import { openBackend } from '../../src/results/open.ts'

const options = { appName: 'shop', env: {} }
const plain = { hostname: 'localhost', port: 5672, vhost: '/', username: 'guest', password: 'guest', tls: false }

test('parseAmqpUrl() reads what a URL leaves out, percent signs, TLS and further hosts', () => {
  for (const url of [
    'amqp://',
    'amqp://localhost',
    'pyamqp://localhost/',
    'amqp://localhost//',
    'amqp://localhost/%2F',
  ]) {
    assert.deepEqual(parseAmqpUrl(url).hosts, [plain], url)
  }
  const [host] = parseAmqpUrl('amqps://us%40er:p%3Bw%2F@[::1]/a%2Fb').hosts
  assert.deepEqual(host, { hostname: '::1', port: 5671, vhost: 'a/b', username: 'us@er', password: 'p;w/', tls: true })
  const { hosts, ...rest } = parseAmqpUrl(
    'amqp://a:1/v ; amqp://b:2/v?queueType=quorum&heartbeat=0&persistentResults=true',
  )
  assert.deepEqual(
    hosts.map(({ hostname, port, vhost }) => [hostname, port, vhost]),
    [
      ['a', 1, 'v'],
      ['b', 2, 'v'],
    ],
  )
  assert.deepEqual(rest, {
    type: 'amqp',
    heartbeatMs: 0,
    queueType: 'quorum',
    maxPriority: null,
    delayedQueueType: 'quorum',
    persistentResults: true,
  })
})

test('a URL of RabbitMQ that cannot be used is refused, and nothing of it is told', () => {
  const wrong = [
    'amqp://u:secret@host:99999/',
    'amqp://u:secret@host/%zz',
    'amqp://u:secret@host?unknown=secret',
    'amqp://u:secret@host?queueType=secret',
    'amqp://u:secret@host?maxPriority=0',
    'amqp://u:secret@host?maxPriority=9&queueType=quorum',
    'amqp://u:secret@host?heartbeat=1&heartbeat=2',
    'amqp://u:secret@host;redis://u:secret@host',
  ]
  for (const url of wrong) {
    assert.throws(
      () => parseStoreUrl(url, options),
      (error) => isCaromError(error, 'CAROM_URL_UNSUPPORTED') && !`${error.stack}${error.cause}`.includes('secret'),
      url,
    )
  }
})

test('a store is named without user and password', () => {
  assert.equal(storeName(parseAmqpUrl('amqp://u:secret@host:1/a/b')), 'amqp://host:1/a%2Fb')
  assert.equal(storeName(parseAmqpUrl('amqps://u:secret@[::1];amqp://other')), 'amqps://[::1]:5671/%2F')
})

test('rpc:// is for results, and only beside RabbitMQ', async () => {
  await assert.rejects(openBroker('rpc://', options), { code: 'CAROM_URL_UNSUPPORTED' })
  await assert.rejects(openBackend('rpc://', { ...options, brokerUrl: 'memory:' }), { code: 'CAROM_URL_UNSUPPORTED' })
  await assert.rejects(openBackend('rpc://?x=1', options), { code: 'CAROM_URL_UNSUPPORTED' })
})

test('a RabbitMQ that is not there, is told with its name and without the password', { timeout: 20_000 }, async () => {
  await assert.rejects(
    openBroker('amqp://u:secret@127.0.0.1:1/v', options),
    (error) =>
      isCaromError(error, 'CAROM_STORE_UNAVAILABLE') &&
      error.message.includes('amqp://127.0.0.1:1/v') &&
      !`${error.stack}${String(error.cause)}`.includes('secret'),
  )
})

test("the keys and queues of delayed messages are Celery's", () => {
  assert.equal(delayedKey(5_000, 'q'), '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.1.q')
  assert.equal(delayedKey(1, 'q'), delayedKey(1_000, 'q'))
  assert.equal(delayedKey(1_001, 'q'), delayedKey(2_000, 'q'))
  assert.equal(delayedKey(1e15, 'q'), `${'1.'.repeat(28)}q`)
  assert.equal(dueKey('a.q'), `${'*.'.repeat(28)}a.q`)
  const [last, next] = delayLevels('quorum')
  assert.deepEqual(last, {
    name: 'celery_delayed_0',
    next: 'celery_delayed_delivery',
    waitsKey: `${'*.'.repeat(27)}1.#`,
    passesKey: `${'*.'.repeat(27)}0.#`,
    arguments: {
      'x-queue-type': 'quorum',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      'x-message-ttl': 1_000,
      'x-dead-letter-exchange': 'celery_delayed_delivery',
    },
  })
  assert.equal(next?.arguments['x-dead-letter-exchange'], 'celery_delayed_0')
})
