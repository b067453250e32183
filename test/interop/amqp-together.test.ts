/** Python and Carom workers on the queues of one RabbitMQ: they share, leave each other's tasks, and survive each other. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Consumer, Delivery, DeliveryEnd } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import type { ApplyOptions } from '../../src/canvas/call.ts'
import { until } from '../support/wait.ts'
import { amqpCluster, skipAmqp } from './amqp-lab.ts'
import { GET, type Line, ledger } from './mixed-lab.ts'

const options = { skip: skipAmqp, timeout: 40_000 }
const SHARED = 200
const FOREIGN = 200
const mixed = amqpCluster({
  results: 'redis',
  python: { queues: ['py', 'both'] },
  carom: { queues: ['both', 'mistaken'] },
})

/** What ran of these, once all have run. */
async function runsOf(ids: readonly string[], withinMs = 30_000): Promise<Line[]> {
  const wanted = new Set(ids)
  const runs = () => ledger().filter(({ taskId }) => wanted.has(taskId))
  await until(() => new Set(runs().map(({ taskId }) => taskId)).size === wanted.size, {
    what: 'all have run',
    withinMs,
  })
  return runs()
}

function countOf(runs: readonly Line[], who: Line['who']): number {
  return runs.filter((run) => run.who === who).length
}

/** Runs on, as the same process. */
async function assertPythonLives(): Promise<void> {
  assert.equal(await (await mixed.carom.python.add.delay(1, 2)).get(GET), 3)
  assert.equal(mixed.pythonWorker.process.exitCode, null, mixed.pythonWorker.log())
}

const broker = () => openBroker(process.env.CAROM_BROKER_URL as string, { appName: 'mixed' })

for (const [who, send] of [
  [
    'Python',
    (args: readonly number[]) =>
      mixed.python.ask({ command: 'many', task: 'both.noted', count: SHARED, args, options: { queue: 'both' } }),
  ],
  [
    'Carom',
    async (args: readonly number[]) => {
      const calls = Array.from({ length: SHARED }, () => args as [number])
      return (await mixed.carom.bothNoted.applyMany(calls, { queue: 'both' })).map(({ id }) => id)
    },
  ],
] as const) {
  test(`${SHARED} tasks from ${who} run once each, and both workers get their share`, options, async (t) => {
    const ids = (await send([0.01])) as string[]
    const runs = await runsOf(ids)
    assert.equal(runs.length, SHARED, 'some ran twice')
    const [py, ts] = [countOf(runs, 'py'), countOf(runs, 'ts')]
    t.diagnostic(`${py} ran in Python, ${ts} in Carom`)
    // Each sleeps for 10 ms: whoever takes one at a time gets about half of them.
    assert.ok(py >= 10 && ts >= 10, `${py} ran in Python, ${ts} in Carom`)
    for (const id of ids.slice(0, 5)) {
      assert.equal(await mixed.carom.app.result(id).get(GET), runs.find(({ taskId }) => taskId === id)?.who)
    }
  })
}

test(
  `${FOREIGN} tasks of Python's in the queue of a Carom worker: none is lost, none fails, each runs once`,
  options,
  async (t) => {
    const own = await broker()
    t.after(() => own.close())
    const queue = 'mistaken'
    const asked = { command: 'many', task: 'py.noted', count: FOREIGN, options: { queue } }
    // Carom is alone with them first, so that it gets hold of all it can.
    const ids = (await mixed.python.ask(asked)) as string[]
    await mixed.python.ask({ command: 'consume', queue })
    const runs = await runsOf(ids)
    assert.deepEqual([runs.length, countOf(runs, 'py')], [FOREIGN, FOREIGN])
    for (const id of ids.slice(-10)) assert.equal(await mixed.carom.app.result(id).get(GET), 'py')
    assert.deepEqual(await own.quarantine.list(), [])
    await until(async () => (await own.depths([queue])).every(({ waiting }) => waiting === 0), { what: 'none is left' })
    await assertPythonLives()
  },
)

const ODD_HEADERS = {
  none: null,
  empty: '',
  list: [[], {}, null],
  deep: { a: { b: { c: { d: [1, { e: 2 }] } } } },
  'with space': true,
  ü: '🎱',
  big: 2n ** 40n,
  small: [-1, -200, -70_000],
  long: 'x'.repeat(50_000),
  custom: 'x',
  'x-death': [{ count: 1 }],
  headers: { task: 'other' },
  args: 'not these',
  delivery_info: 'nor this',
  hostname: 'nor that',
}

test('a Python worker survives every option of a call, alone and with others: all run once', options, async () => {
  const now = Date.now()
  const axes: Record<string, ApplyOptions[]> = {
    start: [{}, { countdownMs: 0 }, { countdownMs: 50 }, { eta: new Date(now) }, { eta: new Date(0) }],
    end: [{}, { expiresMs: 86_400_000 }, { expires: new Date('9999-12-31T23:59:59.999Z') }],
    priority: [{}, { priority: 0 }, { priority: 4 }, { priority: 9 }],
    headers: [{}, { headers: {} }, { headers: ODD_HEADERS }],
    rest: [{}, { ignoreResult: false }, { compression: 'gzip' }, { compression: 'none', serializer: 'json' }],
  }
  const combined = Object.values(axes).reduce<ApplyOptions[]>(
    (some, axis) => some.flatMap((one) => axis.map((other) => ({ ...one, ...other }))),
    [{}],
  )
  // All values of each two axes meet in a seventh of them.
  const chosen = combined.filter((_, index) => index % 7 === 0)
  const sent = await Promise.all(chosen.map((each) => mixed.carom.python.noted.applyAsync([], each)))
  const runs = await runsOf(sent.map(({ id }) => id))
  assert.equal(runs.length, sent.length)
  await assertPythonLives()
})

test('a Python worker survives odd ids and arguments, and content that it does not accept', options, async () => {
  const { python } = mixed.carom
  for (const taskId of ['!', '~'.repeat(255), '{"json":1}', '../../etc', '*', '%s%d']) {
    assert.equal(await (await python.add.applyAsync([1, 1], { taskId })).get(GET), 2)
  }
  for (const value of [{ __type__: 'own', __value__: 1 }, '\u0000', [[[[[[[[]]]]]]]]]) {
    assert.deepEqual(await (await python.echo.delay(value)).get(GET), [[value], {}])
  }
  await assert.rejects((await python.add.applyAsync([], { kwargs: { z: 1 } })).get(GET), /unexpected keyword argument/)
  for (const serializer of ['msgpack', 'yaml'] as const) await python.add.applyAsync([1, 2], { serializer })
  await assertPythonLives()
  assert.match(mixed.pythonWorker.log(), /ContentDisallowed|Refusing to deserialize/)
})

/** What one worker of Carom has done to a message before a Python worker gets it. */
const BEFORE: Readonly<Record<string, DeliveryEnd>> = {
  'gave back': { type: 'release', delayMs: 0, count: 'none' },
  'crashed on': { type: 'release', delayMs: 0, count: 'crash' },
  'did not know': { type: 'release', delayMs: 0, count: 'foreign' },
  'gave back for later': { type: 'release', delayMs: 100, count: 'none' },
  'crashed on, for later': { type: 'release', delayMs: 100, count: 'crash' },
  'set aside': { type: 'quarantine', reason: 'for a test', count: 'crash' },
}

test('what Carom has given back, counted, parked or replayed is run by Python once', options, async (t) => {
  const own = await broker()
  t.after(() => own.close())
  const queue = 'second-hand'
  const consumer = await own.consumer({ queues: [queue], leaseMs: 30_000, node: 'test' })
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
  assert.equal(await own.quarantine.replay(sent.map(({ id }) => id)), 1)
  await mixed.python.ask({ command: 'consume', queue })
  await Promise.all(sent.map(async (result) => assert.equal(await result.get(GET), 'py')))
  assert.equal((await runsOf(sent.map(({ id }) => id))).length, sent.length)
  await assertPythonLives()
})

async function claimCount(consumer: Consumer, count: number): Promise<Delivery[]> {
  const claimed: Delivery[] = []
  while (claimed.length < count) {
    claimed.push(...(await consumer.claim(count - claimed.length, { signal: AbortSignal.timeout(5_000) })))
  }
  return claimed
}

test('when the Carom worker goes Python does all, and what the worker held comes back', options, async () => {
  const sent = await mixed.carom.bothNoted.applyMany(
    Array.from({ length: 60 }, () => [0.02] as [number]),
    { queue: 'both' },
  )
  await mixed.caromWorker.stop('warm')
  const runs = await runsOf(sent.map(({ id }) => id))
  assert.equal(runs.length, sent.length, 'some ran twice')
  const later = await mixed.carom.bothNoted.applyMany([[0], [0], [0]], { queue: 'both' })
  assert.equal(countOf(await runsOf(later.map(({ id }) => id)), 'py'), 3)
})
