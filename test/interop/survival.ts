/** A Python worker survives everything that Carom publishes, and runs what it can read. */
import assert from 'node:assert/strict'
import type { Broker, Consumer, Delivery, DeliveryEnd } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import type { ApplyOptions } from '../../src/canvas/call.ts'
import { until } from '../support/wait.ts'
import { GET, type Mixed, runsOf } from './mixed-lab.ts'

/** The Python worker runs on, as the same process. */
export async function assertLives(mixed: Mixed): Promise<void> {
  assert.equal(await (await mixed.carom.python.add.delay(1, 2)).get(GET), 3)
  assert.equal(mixed.pythonWorker.process.exitCode, null, mixed.pythonWorker.log())
}

const ODD_HEADERS = {
  none: null,
  empty: '',
  list: [[], {}, null],
  deep: { a: { b: { c: { d: [1, { e: 2 }] } } } },
  'with space': true,
  ü: '🎱',
  small: [-1, -200, -70_000],
  custom: 'x',
  'x-death': [{ count: 1 }],
  headers: { task: 'other' },
  args: 'not these',
  delivery_info: 'nor this',
  hostname: 'nor that',
}

/** AMQP's tables have no larger integers, no NaN, and all headers of a message must fit into one frame. */
const LARGE_HEADERS = {
  Redis: { big: 2n ** 70n, not: Number.NaN, long: 'x'.repeat(100_000) },
  RabbitMQ: { big: 2n ** 40n, long: 'x'.repeat(50_000) },
}

/** What one worker of Carom has done to a message before a Python worker gets it. */
const BEFORE: Readonly<Record<string, DeliveryEnd>> = {
  'gave back': { type: 'release', delayMs: 0, count: 'none' },
  'crashed on': { type: 'release', delayMs: 0, count: 'crash' },
  'did not know': { type: 'release', delayMs: 0, count: 'foreign' },
  'gave back for later': { type: 'release', delayMs: 100, count: 'none' },
  'crashed on, for later': { type: 'release', delayMs: 100, count: 'crash' },
  'set aside': { type: 'quarantine', reason: 'for a test', count: 'crash' },
}

export function survival(mixed: Mixed): void {
  mixed.test('every option of a call, alone and with others: all run once', async () => {
    const now = Date.now()
    const axes: Record<string, ApplyOptions[]> = {
      start: [{}, { countdownMs: 0 }, { countdownMs: 50 }, { eta: new Date(now) }, { eta: new Date(0) }],
      end: [{}, { expiresMs: 86_400_000 }, { expires: new Date('9999-12-31T23:59:59.999Z') }],
      priority: [{}, { priority: 0 }, { priority: 4 }, { priority: 9 }],
      headers: [{}, { headers: {} }, { headers: { ...ODD_HEADERS, ...LARGE_HEADERS[mixed.broker] } }],
      rest: [{}, { ignoreResult: false }, { compression: 'gzip' }, { compression: 'none', serializer: 'json' }],
    }
    const combined = Object.values(axes).reduce<ApplyOptions[]>(
      (some, axis) => some.flatMap((one) => axis.map((other) => ({ ...one, ...other }))),
      [{}],
    )
    // All values of each two axes meet in a third of them, and in a seventh.
    const chosen = combined.filter((_, index) => index % (mixed.broker === 'Redis' ? 3 : 7) === 0)
    const sent = await Promise.all(chosen.map((each) => mixed.carom.python.noted.applyAsync([], each)))
    await Promise.all(sent.map((result) => result.get({ timeoutMs: 25_000 })))
    assert.equal((await runsOf(sent.map(({ id }) => id))).length, sent.length)
    await assertLives(mixed)
  })

  mixed.test('ids and arguments at the edge of what is allowed', async () => {
    const { python } = mixed.carom
    for (const taskId of ['!', '~'.repeat(255), '{"json":1}', '../../etc', 'a:b', '*', '%s%d', 'celery-task-meta-x']) {
      assert.equal(await (await python.add.applyAsync([1, 1], { taskId })).get(GET), 2)
    }
    for (const value of [{ __type__: 'own', __value__: 1 }, '\u0000', [[[[[[[[]]]]]]]], 'x'.repeat(2_000_000)]) {
      assert.deepEqual(await (await python.echo.delay(value)).get(GET), [[value], {}])
    }
    assert.deepEqual(await (await python.echo.applyAsync([], { kwargs: { 'a b': 1, ü: 3 } })).get(GET), [
      [],
      { 'a b': 1, ü: 3 },
    ])
    await assertLives(mixed)
  })

  mixed.test('arguments that the task does not take fail there, and Carom reads why', async () => {
    const result = await mixed.carom.python.add.applyAsync([], { kwargs: { z: 1 } })
    await assert.rejects(result.get(GET), /add\(\) got an unexpected keyword argument/)
    await assertLives(mixed)
  })

  for (const content of [{ serializer: 'msgpack' }, { serializer: 'yaml' }] as const) {
    mixed.test(
      `a message in ${content.serializer}, which a Python worker does not accept by default, is refused there and harms nothing`,
      async () => {
        const result = await mixed.carom.python.add.applyAsync([1, 2], content)
        await assertLives(mixed)
        assert.equal(await result.state(), 'PENDING')
        assert.match(mixed.pythonWorker.log(), /ContentDisallowed|Refusing to deserialize/)
      },
    )
  }

  mixed.test(
    'messages that Carom has claimed, given back, parked, counted or replayed are run by Python once',
    async (t) => {
      const broker = await openBroker(process.env.CAROM_BROKER_URL as string, { appName: 'mixed' })
      t.after(() => broker.close())
      const queue = 'second-hand'
      const consumer = await broker.consumer({ queues: [queue], leaseMs: 30_000, node: 'test' })
      const sent = await mixed.carom.python.noted.applyMany(
        Object.keys(BEFORE).map(() => []),
        { queue, priority: 3, headers: { custom: 'ü' }, compression: 'gzip' },
      )
      const claimed = await claimCount(consumer, sent.length)
      const ends = Object.values(BEFORE)
      await consumer.settle(
        claimed.map(({ token }, index) => ({ token, result: null, next: [], end: ends[index] as DeliveryEnd })),
      )
      await consumer.close()
      assert.equal(await broker.quarantine.replay(sent.map(({ id }) => id)), 1)
      if (mixed.broker === 'Redis') await promote(mixed, broker, queue)
      await mixed.python.ask({ command: 'consume', queue })
      await Promise.all(sent.map(async (result) => assert.equal(await result.get(GET), 'py')))
      assert.equal((await runsOf(sent.map(({ id }) => id))).length, sent.length)
      await assertLives(mixed)
    },
  )
}

async function claimCount(consumer: Consumer, count: number): Promise<Delivery[]> {
  const claimed: Delivery[] = []
  while (claimed.length < count) {
    claimed.push(...(await consumer.claim(count - claimed.length, { signal: AbortSignal.timeout(5_000) })))
  }
  return claimed
}

/** Claims and gives back until nothing is parked any more: as Carom's workers do, which Python's do not. */
async function promote(mixed: Mixed, broker: Broker, queue: string): Promise<void> {
  const consumer = await broker.consumer({ queues: [queue], leaseMs: 30_000, node: 'test' })
  const client = mixed.server.client()
  const end: DeliveryEnd = { type: 'release', delayMs: 0, count: 'none' }
  const nothingParked = async () => {
    const claimed = await consumer.claim(100, { signal: AbortSignal.timeout(500) })
    await consumer.settle(claimed.map(({ token }) => ({ token, result: null, next: [], end })))
    return (await client.zcard('carom.due')) === 0
  }
  try {
    await until(nothingParked, { what: 'nothing is parked', withinMs: 10_000 })
  } finally {
    client.disconnect()
    await consumer.close()
  }
}
