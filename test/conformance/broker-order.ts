/** What is published, and in which order and when it can be claimed. */
import assert from 'node:assert/strict'
import { isCaromError } from '../../src/errors.ts'
import { until } from '../support/wait.ts'
import {
  type ConformanceCase,
  claimCount,
  claimOne,
  consumerOf,
  idsOf,
  numbered,
  outgoing,
  setUpDelays,
} from './store.ts'

export const orderCases: readonly ConformanceCase[] = [
  {
    name: 'a message arrives as it was published',
    async run(open, { headers: kind }) {
      const { broker } = await open()
      const body = Uint8Array.from({ length: 256 }, (_, index) => index)
      const headers = {
        id: 'a',
        'x-text': 'nul \0, "quotes", ünï 🎱',
        'x-big': kind === 'json' ? 2n ** 70n : 2n ** 62n,
        'x-list': [1, null, { a: [] }],
      }
      const odd =
        kind === 'json' ? { 'x-nan': Number.NaN } : { reply_to: 'somewhere', priority: 0, expiration: '60000' }
      const properties = { correlation_id: 'a', delivery_mode: 2 as const, ...odd }
      const sent = outgoing({ id: 'a', headers, properties, body })
      await broker.publish([sent, outgoing({ id: 'b', body: new Uint8Array(0) })])
      body.fill(0)
      const [first, second] = await claimCount(await consumerOf(broker), 2)
      assert.ok(first && second)
      assert.equal(first.queue, 'q')
      assert.deepEqual(first.message.headers, sent.message.headers)
      assert.deepEqual(first.message.properties, properties)
      assert.equal(first.message.contentType, 'application/json')
      assert.equal(first.message.contentEncoding, 'utf-8')
      assert.deepEqual([...first.message.body.subarray(0, 4), first.message.body.length], [0, 1, 2, 3, 256])
      assert.equal(second.message.body.byteLength, 0)
      assert.deepEqual(first.counts, { deliveries: 1, crashes: 0, foreign: 0 })
    },
  },
  {
    name: 'messages of equal priority are first in, first out, over all queues of a consumer',
    applies: ({ ordersAcrossQueues }) => ordersAcrossQueues,
    async run(open) {
      const { broker } = await open()
      await broker.publish([...numbered([1, 2]), ...numbered([3], { queue: 'r' })])
      await broker.publish(numbered([4]))
      await broker.publish(numbered([5], { queue: 'other' }))
      const consumer = await consumerOf(broker, { queues: ['r', 'q'] })
      assert.deepEqual(idsOf(await claimCount(consumer, 4)), ['1', '2', '3', '4'])
    },
  },
  {
    name: 'messages of equal priority are first in, first out within a queue, and a full queue does not hold up another',
    async run(open) {
      const { broker } = await open()
      await broker.publish([...numbered(Array.from({ length: 100 }, (_, index) => index)), outgoing({ queue: 'r' })])
      const consumer = await consumerOf(broker, { queues: ['q', 'r'] })
      const deliveries = await claimCount(consumer, 101)
      const ofQueue = deliveries.filter(({ queue }) => queue === 'q')
      assert.deepEqual(
        idsOf(ofQueue),
        Array.from({ length: 100 }, (_, index) => String(index)),
      )
    },
  },
  {
    name: 'a lower priority goes first, in the four steps that Celery has on Redis',
    applies: ({ firstPriority }) => firstPriority === 'low',
    async run(open) {
      const { broker } = await open()
      for (const [index, priority] of [9, undefined, 300, 5, 3, -1, Number.NaN, 6].entries()) {
        await broker.publish(numbered([index], { properties: priority === undefined ? {} : { priority } }))
      }
      assert.deepEqual(idsOf(await claimCount(await consumerOf(broker), 8)), ['1', '5', '6', '3', '4', '7', '0', '2'])
    },
  },
  {
    name: 'a higher priority goes first, on a scale from 0 to 255',
    applies: ({ firstPriority }) => firstPriority === 'high',
    async run(open, { ordersAcrossQueues }) {
      const { broker } = await open()
      const priorities = [undefined, 9, 300, -1, Number.NaN, 3.7, 9]
      for (const [index, priority] of priorities.entries()) {
        const properties = priority === undefined ? {} : { priority }
        await broker.publish(
          numbered([index], { properties, queue: !ordersAcrossQueues || index % 2 === 0 ? 'q' : 'r' }),
        )
      }
      const consumer = await consumerOf(broker, { queues: ['q', 'r'] })
      assert.deepEqual(idsOf(await claimCount(consumer, 7)), ['2', '1', '6', '5', '0', '3', '4'])
    },
  },
  {
    name: 'a claim takes at most as many as it asked for',
    async run(open) {
      const { broker } = await open()
      await broker.publish(numbered([1, 2, 3]))
      const consumer = await consumerOf(broker)
      const { signal } = new AbortController()
      assert.deepEqual(idsOf(await consumer.claim(2, { signal })), ['1', '2'])
      assert.deepEqual(idsOf(await consumer.claim(2, { signal })), ['3'])
    },
  },
  {
    name: 'of a call to publish with one message that cannot be kept nothing is published',
    async run(open) {
      const { broker } = await open()
      const bad = outgoing({ headers: { 'x-callback': () => 1 } })
      await assert.rejects(broker.publish([...numbered([1, 2]), bad]), (error) => {
        return isCaromError(error, 'CAROM_MESSAGE_INVALID') && error.message.includes('x-callback')
      })
      await assert.rejects(broker.publish([outgoing({ queue: '' })]), { code: 'CAROM_MESSAGE_INVALID' })
      assert.deepEqual(await broker.depths(), [])
    },
  },
  {
    name: 'a message with an eta is delivered when it is due, not before, and by itself',
    async run(open, { delaysAtPublish, delaysInQueue, delayStepMs }) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await setUpDelays(broker)
      const claiming = claimOne(consumer)
      const dueMs = Date.now() + 150
      await broker.publish([outgoing({ id: 'later', headers: { eta: new Date(dueMs).toISOString() } })])
      const delayed = async () => (await broker.depths())[0]?.delayed === 1
      if (delaysAtPublish) assert.ok(await delayed())
      else if (delaysInQueue) await until(delayed, { what: 'the consumer that waits has met it' })
      assert.equal((await claiming).message.headers.id, 'later')
      assert.ok(Date.now() >= dueMs, 'it came too early')
      assert.ok(Date.now() < dueMs + 500 + delayStepMs, 'it came far too late')
    },
  },
  {
    name: 'an eta that has passed or is no date is due now, and one without an offset is UTC',
    async run(open, { delaysAtPublish, delaysInQueue }) {
      const { broker } = await open()
      const utc = new Date(Date.now() + 3_600_000).toISOString().slice(0, -1)
      const etas = ['1970-01-01T00:00:00', 'tomorrow', null, '9999-12-31T23:59:59.999999+00:00', utc]
      await broker.publish(etas.map((eta) => outgoing({ headers: { eta } })))
      if (delaysAtPublish || !delaysInQueue) {
        const delayed = delaysInQueue ? 2 : 0
        return assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 3, delayed, claimed: 0 }])
      }
      const consumer = await consumerOf(broker)
      await claimCount(consumer, 3)
      const ending = new AbortController()
      const claiming = consumer.claim(1, { signal: ending.signal })
      const met = async () => (await broker.depths())[0]?.delayed === 2
      await until(met, { what: 'the consumer has met those that are not due' })
      assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 0, delayed: 2, claimed: 3 }])
      ending.abort()
      assert.deepEqual(await claiming, [])
    },
  },
  {
    name: 'delayed messages do not hold up the others, and keep their priority',
    async run(open, { firstPriority, delaysInQueue }) {
      const { broker } = await open()
      await setUpDelays(broker)
      const eta = new Date(Date.now() + 1_000).toISOString()
      await broker.publish(numbered(['later', 'urgent later'], { headers: { eta } }))
      await broker.publish(numbered(['urgent latest'], { headers: { eta }, properties: { priority: 5 } }))
      await broker.publish(numbered(['now']))
      const consumer = await consumerOf(broker)
      const [first, ...others] = idsOf(await claimCount(consumer, 4))
      assert.equal(first, 'now')
      const [high, rest] = ['urgent latest', ['later', 'urgent later']]
      // Elsewhere they become due one after the other, and are claimed as they do.
      if (!delaysInQueue) return assert.deepEqual(new Set(others), new Set([high, ...rest]))
      assert.deepEqual(others, firstPriority === 'high' ? [high, ...rest] : [...rest, high])
    },
  },
  {
    name: 'depths counts what waits, is delayed and is claimed, per queue',
    async run(open, { delaysAtPublish, delaysInQueue }) {
      const { broker } = await open()
      const eta = new Date(Date.now() + 3_600_000).toISOString()
      await broker.publish([...numbered([1, 2, 3]), ...numbered([4], { headers: { eta } }), outgoing({ queue: 'a' })])
      await claimOne(await consumerOf(broker))
      const [waiting, delayed] = delaysAtPublish ? [2, 1] : [delaysInQueue ? 3 : 2, 0]
      assert.deepEqual(await broker.depths(['nothing in it']), [
        { queue: 'a', waiting: 1, delayed: 0, claimed: 0 },
        { queue: 'q', waiting, delayed, claimed: 1 },
      ])
    },
  },
  {
    name: 'purge removes what waits or is delayed, and leaves claimed messages and other queues',
    async run(open, { delaysInQueue }) {
      const { broker } = await open()
      const eta = new Date(Date.now() + 3_600_000).toISOString()
      const many = Array.from({ length: 450 }, (_, index) => index)
      await broker.publish([...numbered(many), ...numbered(['x'], { headers: { eta } }), outgoing({ queue: 'other' })])
      const consumer = await consumerOf(broker)
      const delivery = await claimOne(consumer)
      assert.equal(await broker.purge('q'), delaysInQueue ? 450 : 449)
      assert.equal(await broker.purge('q'), 0)
      assert.deepEqual(await broker.depths(), [
        { queue: 'other', waiting: 1, delayed: 0, claimed: 0 },
        { queue: 'q', waiting: 0, delayed: 0, claimed: 1 },
      ])
      assert.deepEqual(await consumer.renew([delivery.token]), [])
    },
  },
]
