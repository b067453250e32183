/** How a claim ends, and the messages that are set aside. */
import assert from 'node:assert/strict'
import {
  acked,
  type ConformanceCase,
  claimCount,
  claimOne,
  consumerOf,
  idsOf,
  meta,
  numbered,
  outgoing,
  released,
  setUpDelays,
} from './store.ts'

export const settlementCases: readonly ConformanceCase[] = [
  {
    name: 'a settlement stores the result, publishes what comes next and ends the message',
    async run(open) {
      const { broker, backend } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish(numbered(['a', 'b']))
      const [a, b] = await claimCount(consumer, 2)
      assert.ok(a && b)
      const outcomes = await consumer.settle([
        acked(a, { result: meta('a'), next: numbered(['a1', 'a2']) }),
        acked(b),
        acked(a, { result: meta('never') }),
      ])
      assert.deepEqual(outcomes, ['settled', 'settled', 'lost'])
      assert.deepEqual(
        (await backend.load(['a', 'b', 'never'])).map((found) => found?.status),
        ['SUCCESS', undefined, undefined],
      )
      assert.deepEqual(idsOf(await claimCount(consumer, 2)), ['a1', 'a2'])
      assert.deepEqual(await consumer.renew([a.token, b.token]), [a.token, b.token])
      assert.deepEqual(await consumer.settle([]), [])
    },
  },
  {
    name: 'a settlement never stores over a SUCCESS, and over anything else it does',
    async run(open) {
      const { broker, backend } = await open()
      const consumer = await consumerOf(broker)
      await backend.save([meta('a'), meta('b', { status: 'STARTED' })])
      await broker.publish(numbered(['a', 'b']))
      const failed = { status: 'FAILURE', result: Buffer.from('{}') } as const
      const deliveries = await claimCount(consumer, 2)
      await consumer.settle(
        deliveries.map((delivery) => acked(delivery, { result: meta(delivery.message.headers.id, failed) })),
      )
      assert.deepEqual(
        (await backend.load(['a', 'b'])).map((found) => found?.status),
        ['SUCCESS', 'FAILURE'],
      )
    },
  },
  {
    name: 'nothing of a call to settle has happened when one of its messages cannot be published',
    async run(open) {
      const { broker, backend } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish(numbered(['a', 'b']))
      const [a, b] = await claimCount(consumer, 2)
      assert.ok(a && b)
      const bad = acked(b, { next: [outgoing({ headers: { 'x-bad': () => 1 } })] })
      await assert.rejects(consumer.settle([acked(a, { result: meta('a') }), bad]), { code: 'CAROM_MESSAGE_INVALID' })
      assert.deepEqual(await backend.load(['a']), [null])
      assert.deepEqual(await consumer.settle([acked(a), acked(b)]), ['settled', 'settled'])
    },
  },
  {
    name: 'a released message takes its old place',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish(numbered([1, 2, 3]))
      const [first, second] = await claimCount(consumer, 2)
      assert.ok(first && second)
      await consumer.settle([released(second), released(first)])
      assert.deepEqual(idsOf(await claimCount(consumer, 3)), ['1', '2', '3'])
    },
  },
  {
    name: 'what is being settled when the consumer closes is settled, and nothing of it comes again',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish(numbered(['a', 'b']))
      const [a, b] = await claimCount(consumer, 2)
      assert.ok(a && b)
      const settling = consumer.settle([
        acked(a, { next: [outgoing({ id: 'next', queue: 'r' })] }),
        { ...acked(b), end: { type: 'quarantine', reason: 'for a test' } },
      ])
      await consumer.close()
      assert.deepEqual(await settling, ['settled', 'settled'])
      assert.deepEqual(
        (await broker.depths(['q', 'r'])).map(({ queue, waiting }) => [queue, waiting]),
        [['r', 1]],
      )
      assert.equal((await broker.quarantine.list()).length, 1)
    },
  },
  {
    name: 'a released message comes back after its delay',
    async run(open, { delaysInQueue }) {
      const { broker } = await open()
      await setUpDelays(broker)
      const consumer = await consumerOf(broker)
      await broker.publish(numbered([1, 2]))
      const first = await claimOne(consumer)
      const releasedMs = Date.now()
      await consumer.settle([released(first, 'none', 120)])
      assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 1, delayed: delaysInQueue ? 1 : 0, claimed: 0 }])
      assert.deepEqual(idsOf(await claimCount(consumer, 2)), ['2', '1'])
      assert.ok(Date.now() >= releasedMs + 120, 'it came too early')
    },
  },
  {
    name: 'a return counts as what it says: a crash, a foreign task, or nothing at all',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish([outgoing()])
      for (const count of ['crash', 'foreign', 'none', 'crash'] as const) {
        await consumer.settle([released(await claimOne(consumer), count)])
      }
      assert.deepEqual((await claimOne(consumer)).counts, { deliveries: 4, crashes: 2, foreign: 1 })
    },
  },
  {
    name: 'a quarantined message is listed with its reason and counts, and claimed by nobody',
    async run(open) {
      const { broker, backend } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish([outgoing({ id: 'bad', body: Buffer.from('junk') })])
      const crashed = await claimOne(consumer)
      await consumer.settle([released(crashed, 'crash')])
      const bad = await claimOne(consumer)
      await broker.publish([outgoing({ id: 'good' })])
      const result = meta('bad', { status: 'FAILURE' })
      const beforeMs = Date.now()
      const outcomes = await consumer.settle([
        { token: bad.token, result, next: [], end: { type: 'quarantine', reason: 'because\0', count: 'crash' } },
      ])
      assert.deepEqual(outcomes, ['settled'])
      const [entry, ...others] = await broker.quarantine.list()
      assert.ok(entry)
      assert.deepEqual(others, [])
      assert.equal(entry.taskId, 'bad')
      assert.equal(entry.queue, 'q')
      assert.match(entry.reason, /^because/)
      assert.deepEqual(entry.counts, { deliveries: 2, crashes: 2, foreign: 0 })
      assert.deepEqual(entry.message.headers, bad.message.headers)
      assert.equal(Buffer.from(entry.message.body).toString(), 'junk')
      assert.ok(entry.atMs >= beforeMs && entry.atMs <= Date.now())
      assert.equal((await backend.load(['bad']))[0]?.status, 'FAILURE')
      assert.deepEqual(idsOf([await claimOne(consumer)]), ['good'])
      assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 0, delayed: 0, claimed: 1 }])
    },
  },
  {
    name: 'a quarantined message without an id gets a name by which it can be dropped',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      const [first, second] = [outgoing(), outgoing()]
      const nameless = [first, second].map(({ queue, message }) => ({
        queue,
        message: { ...message, headers: { task: 't' } },
      }))
      await broker.publish(nameless as never)
      for (const delivery of await claimCount(consumer, 2)) {
        const end = { type: 'quarantine', reason: 'no id' } as const
        await consumer.settle([{ token: delivery.token, result: null, next: [], end }])
      }
      const names = (await broker.quarantine.list()).map(({ taskId }) => taskId)
      assert.equal(new Set(names).size, 2)
      assert.equal(await broker.quarantine.drop([names[0] as string]), 1)
      assert.deepEqual(
        (await broker.quarantine.list()).map(({ taskId }) => taskId),
        [names[1]],
      )
    },
  },
  {
    name: 'a replayed message is back in its queue with counts at zero and its priority, a dropped one is gone',
    async run(open, { firstPriority }) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish(numbered(['a', 'b', 'c'], { properties: { priority: 3 } }))
      const end = { type: 'quarantine', reason: 'test' } as const
      for (const { token } of await claimCount(consumer, 3))
        await consumer.settle([{ token, result: null, next: [], end }])
      // Nobody asks for messages meanwhile, and so nobody has fetched one.
      await consumer.close()
      // Published before it is replayed, and behind it all the same.
      const priority = firstPriority === 'high' ? 0 : 9
      await broker.publish([outgoing({ id: 'low', properties: { priority } })])
      assert.equal(await broker.quarantine.replay(['b', 'unknown', 'b']), 1)
      assert.equal(await broker.quarantine.drop(['a', 'unknown']), 1)
      assert.deepEqual(
        (await broker.quarantine.list()).map(({ taskId }) => taskId),
        ['c'],
      )
      const [replayed, low] = await claimCount(await consumerOf(broker), 2)
      assert.ok(replayed && low)
      assert.deepEqual(idsOf([replayed, low]), ['b', 'low'])
      assert.deepEqual(replayed.counts, { deliveries: 1, crashes: 0, foreign: 0 })
    },
  },
  {
    name: 'a replayed message wakes whoever waits for it',
    async run(open) {
      const { broker } = await open()
      const consumer = await consumerOf(broker)
      await broker.publish([outgoing({ id: 'a' })])
      const { token } = await claimOne(consumer)
      await consumer.settle([{ token, result: null, next: [], end: { type: 'quarantine', reason: 'test' } }])
      const claiming = claimOne(consumer)
      await broker.quarantine.replay(['a'])
      assert.deepEqual(idsOf([await claiming]), ['a'])
    },
  },
]
