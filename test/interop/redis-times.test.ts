/** When calls between Python's Celery and Carom run on one Redis, both ways: not before, not after, who goes first, again. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isCaromError, TaskError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import { GET, ledger, mixedCluster, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const mixed = mixedCluster()

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString().replace('Z', '000+00:00')
}

for (const [what, times, dueMs] of [
  ['countdown', { countdown: 0.7 }, 700],
  ['eta', () => ({ eta: inMs(700) }), 700],
  ['an eta without a zone, which is UTC,', () => ({ eta: inMs(700).slice(0, -6) }), 700],
  ['an eta in the past', () => ({ eta: inMs(-60_000) }), 0],
] as const) {
  test(`a Carom task with ${what} from Python runs when it is due`, options, async () => {
    const sentMs = Date.now()
    const called = await mixed.python.call('ts.describe', { options: typeof times === 'function' ? times() : times })
    const { at } = called.value as { at: number }
    assert.ok(at >= sentMs + dueMs, `it came ${sentMs + dueMs - at} ms early`)
    assert.ok(at < sentMs + dueMs + 1_500, `it came ${at - sentMs - dueMs} ms late`)
  })
}

test('a Python task with countdown or eta from Carom runs when it is due', options, async () => {
  const sentMs = Date.now()
  const { describe } = mixed.carom.python
  const sent = await Promise.all([
    describe.applyAsync([], { countdownMs: 700 }),
    describe.applyAsync([], { eta: new Date(sentMs + 1_000) }),
    describe.applyAsync([], { eta: new Date(sentMs - 1_000) }),
  ])
  const [countdown, eta, past] = await Promise.all(
    sent.map(async (result) => ((await result.get(GET)) as { at: number }).at - sentMs),
  )
  assert.ok(countdown !== undefined && countdown >= 700 && countdown < 3_000, `countdown: ${countdown}`)
  assert.ok(eta !== undefined && eta >= 1_000 && eta < 3_500, `eta: ${eta}`)
  assert.ok(past !== undefined && past < 2_000, `past: ${past}`)
})

test('a call that Python lets expire is revoked by Carom, which says so', options, async () => {
  const called = await mixed.python.call('ts.noted', { options: { expires: -1 } })
  assert.equal(called.state, 'REVOKED')
  assert.deepEqual(called.error, { type: 'TaskRevokedError', module: 'celery.exceptions', args: ['expired'] })
  assert.deepEqual(
    ledger().filter(({ taskId }) => taskId === called.id),
    [],
  )
  assert.equal((await mixed.python.call('ts.noted', { options: { expires: 60 } })).value, 'ts')
})

test('a call that Carom lets expire is revoked by Python, and Carom says so', options, async () => {
  const expired = await mixed.carom.python.noted.applyAsync([], { expires: new Date(Date.now() - 1_000) })
  await assert.rejects(expired.get(GET), (error: unknown) => isCaromError(error, 'CAROM_TASK_EXPIRED'))
  assert.equal(await expired.state(), 'REVOKED')
  const alive = await mixed.carom.python.noted.applyAsync([], { expiresMs: 60_000 })
  assert.equal(await alive.get(GET), 'py')
  assert.deepEqual(
    ledger()
      .map(({ taskId }) => taskId === expired.id)
      .filter(Boolean),
    [],
  )
})

test('0 goes first on Redis, whoever sends and whoever runs', options, async () => {
  // What is sent while a worker is busy waits, and is then taken in order.
  for (const queue of ['ts', 'py'] as const) {
    const order = [9, 3, 0, 6, 4]
    const send = (task: string, more: object) =>
      mixed.python.ask({ command: 'send', task, options: { queue, ...more } }) as Promise<string>
    const first = (await mixed.python.ask({
      command: 'send',
      task: `${queue}.noted`,
      args: [1.5],
      options: { queue },
    })) as string
    await until(() => ledger().some(({ taskId }) => taskId === first), { what: 'the worker is busy' })
    const sent = new Map<string, number>()
    for (const priority of order) sent.set(await send(`${queue}.noted`, { priority }), priority)
    const own = queue === 'ts' ? mixed.carom.noted : mixed.carom.python.noted
    for (const priority of order) sent.set((await own.applyAsync([], { priority })).id, priority)
    const ran = () => ledger().flatMap(({ taskId }) => sent.get(taskId) ?? [])
    await until(() => ran().length === sent.size, { what: 'all have run', withinMs: 10_000 })
    // 4 lies in the step of 3.
    assert.deepEqual(
      ran().map((priority) => (priority === 4 ? 3 : priority)),
      [0, 0, 3, 3, 3, 3, 6, 6, 9, 9],
      queue,
    )
  }
})

test(
  'a Python task that retries is called by Carom: its states, its error on the way, its result',
  options,
  async () => {
    const result = await mixed.carom.python.retries.delay(2)
    const seen = new Set<string>()
    const watching = until(
      async () => {
        seen.add(await result.state())
        return seen.has('SUCCESS')
      },
      { what: 'it is done', withinMs: 10_000 },
    )
    assert.equal(await result.get(GET), 2)
    await watching
    assert.ok(seen.has('RETRY'), [...seen].join())
    const runs = ledger().filter(({ taskId }) => taskId === result.id)
    assert.deepEqual(
      runs.map(({ event }) => event),
      ['RETRY-0', 'RETRY-1', 'RETRY-2'],
    )
  },
)

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
