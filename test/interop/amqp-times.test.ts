/** When calls between Python's Celery and Carom run on one RabbitMQ, both ways: when due, in which order, again, how long. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isCaromError, TaskError } from '../../src/index.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { until } from '../support/wait.ts'
import { amqpCluster, skipAmqp } from './amqp-lab.ts'
import { GET, ledger } from './mixed-lab.ts'

const options = { skip: skipAmqp, timeout: 30_000 }
const mixed = amqpCluster({ results: 'rpc', prefetch: 1, carom: { timeLimitMs: 60_000 } })
/** Celery's delayed delivery counts in seconds, and RabbitMQ and the machine add theirs. */
const LATE_MS = 4_000

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString().replace('Z', '000+00:00')
}

for (const [what, times, dueMs] of [
  ['countdown', () => ({ countdown: 0.7 }), 700],
  ['an eta without a zone, which is UTC,', () => ({ eta: inMs(700).slice(0, -6) }), 700],
  ['an eta in the past', () => ({ eta: inMs(-60_000) }), 0],
] as const) {
  test(`a Carom task with ${what} from Python runs when it is due`, options, async () => {
    const sentMs = Date.now()
    const called = await mixed.python.call('ts.describe', { options: times() })
    const lateMs = (called.value as { at: number }).at - sentMs - dueMs
    assert.ok(lateMs >= 0 && lateMs < LATE_MS, `it was ${lateMs} ms late`)
  })
}

test('an eta from Python is waited for in RabbitMQ, not in the worker, which goes on meanwhile', options, async (t) => {
  const channel = await amqpChannel(t, mixed.url)
  const count = async (queue: string) => (await channel.queueDeclare({ queue, passive: true })).messageCount
  const sentMs = Date.now()
  const asked = { command: 'send', task: 'ts.noted', options: { eta: inMs(2_500) } }
  const id = (await mixed.python.ask(asked)) as string
  // Three seconds are two and one. The queues are there since the first test.
  await until(async () => (await count('celery_delayed_1')) === 1, { what: 'it waits', withinMs: 2_000 })
  assert.equal(await count('ts'), 0)
  assert.equal((await mixed.python.call('ts.add', { args: [2, 3] })).value, 5)
  const ran = await until(() => ledger().find(({ taskId }) => taskId === id), { what: 'it ran', withinMs: 10_000 })
  const lateMs = ran.atMs - sentMs - 2_500
  assert.ok(lateMs >= 0 && lateMs < LATE_MS, `it was ${lateMs} ms late`)
})

test('a Python task with countdown or eta from Carom runs when it is due', options, async () => {
  const sentMs = Date.now()
  const { describe } = mixed.carom.python
  const sent = await Promise.all([
    describe.applyAsync([], { countdownMs: 700 }),
    describe.applyAsync([], { eta: new Date(sentMs + 1_500) }),
    describe.applyAsync([], { eta: new Date(sentMs - 1_000) }),
  ])
  const seen = (await Promise.all(sent.map((result) => result.get(GET)))) as { at: number; redelivered: boolean }[]
  const lateMs = seen.map(({ at }, index) => at - sentMs - ([700, 1_500, 0][index] as number))
  assert.ok(
    lateMs.every((ms) => ms >= 0 && ms < LATE_MS),
    `they were ${lateMs} ms late`,
  )
  assert.deepEqual(new Set(seen.map(({ redelivered }) => redelivered)), new Set([false]))
})

test('what expires in its queue is dropped by RabbitMQ, whoever sent it, and nobody is told', options, async (t) => {
  const channel = await amqpChannel(t, mixed.url)
  const count = async () => (await channel.queueDeclare({ queue: 'idle', passive: true })).messageCount
  const own = await mixed.carom.python.noted.applyAsync([], { queue: 'idle', expiresMs: 1_500 })
  const asked = { command: 'send', task: 'ts.noted', options: { queue: 'idle', expires: 1.5 } }
  const id = await mixed.python.ask(asked)
  assert.equal(await count(), 2)
  await until(async () => (await count()) === 0, { what: 'both are dropped' })
  assert.equal(await own.state(), 'PENDING')
  assert.equal(((await mixed.python.ask({ command: 'state', id })) as { state: string }).state, 'PENDING')
})

test('a call from Python that has expired when it is due is revoked by Carom, which says so', options, async () => {
  const called = await mixed.python.call('ts.noted', { options: { expires: 0.6, countdown: 0.9 } })
  assert.equal(called.state, 'REVOKED')
  assert.deepEqual(called.error, { type: 'TaskRevokedError', module: 'celery.exceptions', args: ['expired'] })
  assert.ok(!ledger().some(({ taskId }) => taskId === called.id), 'it ran')
  assert.equal((await mixed.python.call('ts.noted', { options: { expires: 60 } })).value, 'ts')
})

test('a call from Carom that has expired when it is due is revoked by Python, and Carom says so', options, async () => {
  const { noted } = mixed.carom.python
  const expired = await noted.applyAsync([], { expiresMs: 400, countdownMs: 900 })
  await assert.rejects(expired.get(GET), (error: unknown) => isCaromError(error, 'CAROM_TASK_EXPIRED'))
  assert.equal(await expired.state(), 'REVOKED')
  assert.equal(await (await noted.applyAsync([], { expiresMs: 60_000 })).get(GET), 'py')
  assert.ok(!ledger().some(({ taskId }) => taskId === expired.id), 'it ran')
})

// The first one keeps its worker busy, and is acked late: while it runs, Python's worker is given no other.
for (const [queue, blocker] of [
  ['ts', 'ts.noted'],
  ['py', 'py.late'],
] as const) {
  test(`the highest priority goes first on RabbitMQ, whoever sends to "${queue}"`, options, async () => {
    const send = (task: string, args: readonly number[], more: object) =>
      mixed.python.ask({ command: 'send', task, args, options: { queue, ...more } }) as Promise<string>
    const first = await send(blocker, [1.5], {})
    await until(() => ledger().some(({ taskId }) => taskId === first), { what: 'the worker is busy' })
    const sent = new Map<string, number>()
    const own = queue === 'ts' ? mixed.carom.noted : mixed.carom.python.noted
    for (const priority of [3, 9, 0, 6, 4]) {
      sent.set(await send(`${queue}.noted`, [], { priority }), priority)
      sent.set((await own.applyAsync([], { priority })).id, priority)
    }
    const ran = () => ledger().flatMap(({ taskId }) => sent.get(taskId) ?? [])
    await until(() => ran().length === sent.size, { what: 'all have run', withinMs: 10_000 })
    assert.deepEqual(ran(), [9, 9, 6, 6, 4, 4, 3, 3, 0, 0])
  })
}

test('a Python task that retries is called by Carom: its states, its count, its result', options, async () => {
  const result = await mixed.carom.python.retries.delay(2)
  const seen = new Set<string>()
  await until(
    async () => {
      seen.add(await result.state())
      return seen.has('SUCCESS')
    },
    { what: 'it is done', withinMs: 15_000 },
  )
  assert.ok(seen.has('RETRY'), [...seen].join())
  assert.equal(await result.get(GET), 2)
  const runs = ledger().filter(({ taskId }) => taskId === result.id)
  assert.deepEqual(
    runs.map(({ event }) => event),
    ['RETRY-0', 'RETRY-1', 'RETRY-2'],
  )
})

test('a Python task that retries in vain fails with what it was retried for', options, async () => {
  const result = await mixed.carom.python.retries.delay(9)
  await assert.rejects(result.get(GET), (error: unknown) => {
    assert.ok(error instanceof TaskError)
    assert.deepEqual([error.name, error.message], ['OutOfStock', 'not yet'])
    return true
  })
})

test('a call that Python has retried already is run by Carom, which sees the count', options, async () => {
  const called = await mixed.python.call('ts.describe', { options: { retries: 3 } })
  assert.equal((called.value as { retries: number }).retries, 3)
})

test('time limits in a message from Python are kept by Carom, and name themselves in Python', options, async () => {
  const startedMs = performance.now()
  const hard = await mixed.python.call('ts.spins', { options: { time_limit: 0.6 } })
  assert.deepEqual([hard.error?.type, hard.error?.module], ['TimeLimitExceeded', 'billiard.exceptions'])
  assert.ok(performance.now() - startedMs >= 600, 'it was ended too early')
  const soft = await mixed.python.call('ts.aborts', { options: { soft_time_limit: 0.4, time_limit: 20 } })
  assert.equal(soft.state, 'FAILURE', JSON.stringify(soft))
  assert.equal((await mixed.python.call('ts.noted', { args: [0.7] })).value, 'ts')
})
