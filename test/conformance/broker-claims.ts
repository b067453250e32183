/** Waiting for messages, and how long a claim stands. */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { Consumer } from '../../src/brokers/broker.ts'
import { until } from '../support/wait.ts'
import {
  acked,
  type ConformanceCase,
  claimCount,
  claimOne,
  consumerOf,
  idsOf,
  isIdle,
  meta,
  numbered,
  outgoing,
  released,
} from './store.ts'

export const claimCases: readonly ConformanceCase[] = [
  {
    name: 'a claim waits until there is a message, also one that another handle publishes',
    async run(open) {
      const { broker } = await open()
      const other = await open()
      const consumer = await consumerOf(broker)
      for (const publisher of [broker, other.broker]) {
        const startedMs = performance.now()
        const claiming = claimOne(consumer)
        await turn()
        await publisher.publish([outgoing({ id: 'a' })])
        assert.equal((await claiming).message.headers.id, 'a')
        assert.ok(performance.now() - startedMs < 500, 'it was not woken')
      }
    },
  },
  {
    name: 'a claim resolves with nothing once it is aborted',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      const ending = new AbortController()
      const claiming = consumer.claim(1, { signal: ending.signal })
      await turn()
      ending.abort()
      assert.deepEqual(await claiming, [])
      await broker.publish([outgoing()])
      assert.deepEqual(await consumer.claim(1, { signal: ending.signal }), [])
      assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 1, delayed: 0, claimed: 0 }])
    },
  },
  {
    name: 'a claim that begins while an aborted one ends gets what comes',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish([outgoing({ id: 'a' })])
      await consumer.settle([acked(await claimOne(consumer))])
      const ending = new AbortController()
      const first = consumer.claim(1, { signal: ending.signal })
      await turn()
      ending.abort()
      await turn()
      const second = claimOne(consumer)
      await first
      await broker.publish([outgoing({ id: 'b' })])
      assert.equal((await second).message.headers.id, 'b')
    },
  },
  {
    name: 'a queue that is named twice is claimed from once, and senseless numbers are refused',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker, { queues: ['q', 'q'], leaseMs: 1000.5 })
      await broker.publish(numbered([1, 2]))
      assert.deepEqual(idsOf(await claimCount(consumer, 2)), ['1', '2'])
      const { signal } = new AbortController()
      for (const max of [0, -1, 1.5, Number.NaN]) await assert.rejects(consumer.claim(max, { signal }), RangeError)
      for (const leaseMs of [0, -1, Number.NaN, Infinity])
        await assert.rejects(consumerOf(broker, { leaseMs }), RangeError)
      await assert.rejects(consumerOf(broker, { queues: [] }), RangeError)
    },
  },
  {
    name: 'one message goes to one of many who wait',
    async run(open) {
      const { broker } = await open()
      const ending = new AbortController()
      const consumers = await Promise.all([1, 2, 3].map(() => consumerOf(broker)))
      const claims = consumers.map((consumer) => consumer.claim(5, { signal: ending.signal }))
      await broker.publish([outgoing({ id: 'only' })])
      await Promise.race(claims)
      ending.abort()
      assert.deepEqual((await Promise.all(claims)).flatMap(idsOf), ['only'])
    },
  },
  {
    name: 'what two consumers claim at the same time is all there is, and nothing twice',
    async run(open) {
      const { broker } = await open()
      const other = await open()
      const ids = Array.from({ length: 5_000 }, (_, index) => String(index))
      const [one, two] = [await consumerOf(broker), await consumerOf(other.broker)]
      const seen: string[] = []
      const ending = new AbortController()
      const consume = async (consumer: Consumer) => {
        while (!ending.signal.aborted) {
          const deliveries = await consumer.claim(64, { signal: ending.signal })
          seen.push(...idsOf(deliveries))
          if (deliveries.length > 0) await consumer.settle(deliveries.map((delivery) => acked(delivery)))
        }
      }
      const consuming = Promise.all([consume(one), consume(two)])
      await broker.publish(numbered(ids))
      await until(async () => (await broker.depths()).length === 0, { withinMs: 10_000, what: 'all are consumed' })
      ending.abort()
      await consuming
      assert.equal(seen.length, ids.length)
      assert.equal(new Set(seen).size, ids.length)
    },
  },
  {
    name: 'a claim that is not renewed goes back when its lease ends, uncounted as a crash',
    async run(open) {
      const { broker } = await open()
      const slow = await consumerOf(broker, { leaseMs: 100 })
      const other = await consumerOf(broker)
      await broker.publish([outgoing({ id: 'a' })])
      const claimedMs = Date.now()
      const lost = await claimOne(slow)
      const again = await claimOne(other)
      assert.ok(Date.now() >= claimedMs + 100, 'the lease ended too early')
      assert.deepEqual(again.counts, { deliveries: 2, crashes: 0, foreign: 0 })
      assert.notEqual(again.token, lost.token)
      assert.deepEqual(await slow.renew([lost.token]), [lost.token])
    },
  },
  {
    name: 'a claim that is renewed stands beyond its lease, and renew tells which do not',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker, { leaseMs: 200 })
      const other = await consumerOf(broker)
      await broker.publish(numbered(['kept', 'lost']))
      const [kept, lost] = await claimCount(consumer, 2)
      assert.ok(kept && lost)
      const ending = new AbortController()
      const renewing = (async () => {
        while (!ending.signal.aborted) {
          assert.deepEqual(await consumer.renew([kept.token]), [])
          await turn()
        }
      })()
      assert.deepEqual(idsOf([await claimOne(other)]), ['lost'])
      ending.abort()
      await renewing
      assert.deepEqual(await consumer.renew([lost.token, kept.token, 'nonsense', '1.x', '']), [
        lost.token,
        'nonsense',
        '1.x',
        '',
      ])
    },
  },
  {
    name: 'a late settlement of a lost claim touches nothing and stores nothing',
    async run(open) {
      const store = await open()
      const { broker, backend } = store
      const slow = await consumerOf(broker, { leaseMs: 50 })
      const other = await consumerOf(broker)
      await broker.publish([outgoing({ id: 'a' })])
      const lost = await claimOne(slow)
      const held = await claimOne(other)
      const late = acked(lost, { result: meta('a'), next: [outgoing({ id: 'b' })] })
      assert.deepEqual(await slow.settle([late]), ['lost'])
      assert.deepEqual(await slow.settle([released(lost, 'crash')]), ['lost'])
      assert.deepEqual(await slow.settle([{ ...late, end: { type: 'quarantine', reason: 'late' } }]), ['lost'])
      assert.deepEqual(await backend.load(['a']), [null])
      assert.deepEqual(await broker.quarantine.list(), [])
      assert.ok(await isIdle(store))
      assert.deepEqual(await other.settle([acked(held)]), ['settled'])
      assert.deepEqual(await broker.depths(), [])
    },
  },
  {
    name: 'closing a consumer gives back its claims uncounted and ends its waiting',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish(numbered([1, 2, 3]))
      const [first, ...rest] = await claimCount(consumer, 3)
      assert.ok(first)
      await consumer.settle([acked(first)])
      const { signal } = new AbortController()
      const waiting = consumer.claim(1, { signal })
      await consumer.close()
      await consumer.close()
      assert.deepEqual(await waiting, [])
      await assert.rejects(consumer.claim(1, { signal }), { code: 'CAROM_STORE_CLOSED' })
      const again = await claimCount(await consumerOf(broker), 2)
      assert.deepEqual(idsOf(again), idsOf(rest))
      assert.deepEqual(
        again.map(({ counts }) => counts.crashes + counts.foreign),
        [0, 0],
      )
    },
  },
  {
    name: 'closing a broker closes its consumers and leaves other handles of the store alone',
    async run(open) {
      const first = await open()
      const second = await open()
      assert.equal(first.broker.store, first.backend.store)
      assert.equal(first.broker.store, second.broker.store)
      const consumer = await consumerOf(first.broker)
      await first.broker.publish([outgoing({ id: 'a' })])
      await claimOne(consumer)
      await first.broker.close()
      await first.broker.close()
      await assert.rejects(first.broker.publish([outgoing()]), { code: 'CAROM_STORE_CLOSED' })
      await assert.rejects(first.broker.depths(), { code: 'CAROM_STORE_CLOSED' })
      assert.deepEqual(idsOf([await claimOne(await consumerOf(second.broker))]), ['a'])
    },
  },
]
