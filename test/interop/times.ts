/** When calls between Python's Celery and Carom run: not before, not after, who goes first, how often, and how long. */
import assert from 'node:assert/strict'
import { isCaromError, TaskError } from '../../src/index.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { until } from '../support/wait.ts'
import { expired, GET, ledger, type Mixed } from './mixed-lab.ts'

/** Celery's delayed delivery on RabbitMQ counts in seconds, and RabbitMQ and the machine add theirs. */
const LATE_MS = { Redis: 1_500, RabbitMQ: 4_000 }

/**
 * Of the priorities 3, 9, 0, 6 and 4, each sent twice. What keeps Python busy on RabbitMQ is acked late: while it runs,
 * that worker is given no other.
 */
const FIRST = {
  Redis: {
    title: '0 goes first on Redis',
    order: [0, 0, 3, 3, 3, 3, 6, 6, 9, 9],
    // 4 lies in the step of 3.
    step: (priority: number) => (priority === 4 ? 3 : priority),
    pythonBlocker: 'py.noted',
  },
  RabbitMQ: {
    title: 'the highest priority goes first on RabbitMQ',
    order: [9, 9, 6, 6, 4, 4, 3, 3, 0, 0],
    step: (priority: number) => priority,
    pythonBlocker: 'py.late',
  },
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString().replace('Z', '000+00:00')
}

export function times(mixed: Mixed): void {
  for (const [what, times, dueMs] of [
    ['countdown', () => ({ countdown: 0.7 }), 700],
    ['a countdown and a priority', () => ({ countdown: 0.4, priority: 6 }), 400],
    ['eta', () => ({ eta: inMs(700) }), 700],
    ['an eta without a zone, which is UTC,', () => ({ eta: inMs(700).slice(0, -6) }), 700],
    ['an eta in the past', () => ({ eta: inMs(-60_000) }), 0],
  ] as const) {
    mixed.test(`a Carom task with ${what} from Python runs when it is due`, async () => {
      const sentMs = Date.now()
      const called = await mixed.python.call('ts.describe', { options: times() })
      const lateMs = (called.value as { at: number }).at - sentMs - dueMs
      assert.ok(lateMs >= 0 && lateMs < LATE_MS[mixed.broker], `it was ${lateMs} ms late`)
    })
  }

  mixed.testOn(
    'RabbitMQ',
    'on Redis workers wait for what is due',
    'an eta from Python is waited for in RabbitMQ, not in the worker, which goes on meanwhile',
    async (t) => {
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
      assert.ok(lateMs >= 0 && lateMs < LATE_MS.RabbitMQ, `it was ${lateMs} ms late`)
    },
  )

  mixed.test('a Python task with countdown or eta from Carom runs when it is due', async () => {
    const sentMs = Date.now()
    const { describe } = mixed.carom.python
    const sent = await Promise.all([
      describe.applyAsync([], { countdownMs: 700 }),
      describe.applyAsync([], { eta: new Date(sentMs + 1_500) }),
      describe.applyAsync([], { eta: new Date(sentMs - 1_000) }),
    ])
    const seen = (await Promise.all(sent.map((result) => result.get(GET)))) as { at: number; redelivered?: boolean }[]
    const lateMs = seen.map(({ at }, index) => at - sentMs - ([700, 1_500, 0][index] as number))
    assert.ok(
      lateMs.every((ms) => ms >= 0 && ms < LATE_MS[mixed.broker]),
      `they were ${lateMs} ms late`,
    )
    assert.ok(!seen.some(({ redelivered }) => redelivered === true))
  })

  mixed.testOn(
    'RabbitMQ',
    'Redis drops nothing',
    'what expires in its queue is dropped by RabbitMQ, whoever sent it, and nobody is told',
    async (t) => {
      const channel = await amqpChannel(t, mixed.url)
      const count = async () => (await channel.queueDeclare({ queue: 'idle', passive: true })).messageCount
      const own = await mixed.carom.python.noted.applyAsync([], { queue: 'idle', expiresMs: 1_500 })
      const asked = { command: 'send', task: 'ts.noted', options: { queue: 'idle', expires: 1.5 } }
      const id = await mixed.python.ask(asked)
      assert.equal(await count(), 2)
      await until(async () => (await count()) === 0, { what: 'both are dropped' })
      assert.equal(await own.state(), 'PENDING')
      assert.equal(((await mixed.python.ask({ command: 'state', id })) as { state: string }).state, 'PENDING')
    },
  )

  mixed.test('a call that Python lets expire is revoked by Carom, which says so', async () => {
    const called = await mixed.python.call('ts.noted', { options: expired(mixed) })
    assert.equal(called.state, 'REVOKED')
    assert.deepEqual(called.error, { type: 'TaskRevokedError', module: 'celery.exceptions', args: ['expired'] })
    assert.ok(!ledger().some(({ taskId }) => taskId === called.id), 'it ran')
    assert.equal((await mixed.python.call('ts.noted', { options: { expires: 60 } })).value, 'ts')
  })

  mixed.test('a call that Carom lets expire is revoked by Python, and Carom says so', async () => {
    const { noted } = mixed.carom.python
    const inThePast = { expires: new Date(Date.now() - 1_000) }
    const isOver = mixed.broker === 'Redis' ? inThePast : { expiresMs: 400, countdownMs: 900 }
    const over = await noted.applyAsync([], isOver)
    await assert.rejects(over.get(GET), (error: unknown) => isCaromError(error, 'CAROM_TASK_EXPIRED'))
    assert.equal(await over.state(), 'REVOKED')
    assert.equal(await (await noted.applyAsync([], { expiresMs: 60_000 })).get(GET), 'py')
    assert.ok(!ledger().some(({ taskId }) => taskId === over.id), 'it ran')
  })

  for (const queue of ['ts', 'py'] as const) {
    const { title, order, step, pythonBlocker } = FIRST[mixed.broker]
    mixed.test(`${title}, whoever sends to "${queue}"`, async () => {
      const send = (task: string, args: readonly number[], more: object) =>
        mixed.python.ask({ command: 'send', task, args, options: { queue, ...more } }) as Promise<string>
      const first = await send(queue === 'ts' ? 'ts.noted' : pythonBlocker, [1.5], {})
      await until(() => ledger().some(({ taskId }) => taskId === first), { what: 'the worker is busy' })
      const sent = new Map<string, number>()
      const own = queue === 'ts' ? mixed.carom.noted : mixed.carom.python.noted
      for (const priority of [3, 9, 0, 6, 4]) {
        sent.set(await send(`${queue}.noted`, [], { priority }), priority)
        sent.set((await own.applyAsync([], { priority })).id, priority)
      }
      const ran = () => ledger().flatMap(({ taskId }) => sent.get(taskId) ?? [])
      await until(() => ran().length === sent.size, { what: 'all have run', withinMs: 10_000 })
      assert.deepEqual(ran().map(step), order)
    })
  }

  mixed.test(
    'a Python task that retries is called by Carom: its states, its error on the way, its result',
    async () => {
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
    },
  )

  mixed.test('a Python task that retries in vain fails with what it was retried for', async () => {
    const result = await mixed.carom.python.retries.delay(9)
    await assert.rejects(result.get(GET), (error: unknown) => {
      assert.ok(error instanceof TaskError)
      assert.deepEqual([error.name, error.message], ['OutOfStock', 'not yet'])
      return true
    })
  })

  mixed.test('a call that Python has retried already is run by Carom, which sees the count', async () => {
    const called = await mixed.python.call('ts.describe', { options: { retries: 3 } })
    assert.equal((called.value as { retries: number }).retries, 3)
  })
}

/** The Carom worker's own limit must be longer than theirs. */
export function limits(mixed: Mixed): void {
  mixed.test('a hard limit in the message ends a task that never waits', async () => {
    const startedMs = performance.now()
    const { state, error } = await mixed.python.call('ts.spins', { options: { time_limit: 0.6 } })
    const tookMs = performance.now() - startedMs
    assert.equal(state, 'FAILURE')
    assert.deepEqual([error?.type, error?.module], ['TimeLimitExceeded', 'billiard.exceptions'])
    assert.ok(tookMs >= 600 && tookMs < 8_000, `it took ${tookMs} ms`)
  })

  mixed.test('a soft limit in the message aborts the signal of the task', async () => {
    const { state, error } = await mixed.python.call('ts.aborts', { options: { soft_time_limit: 0.4, time_limit: 20 } })
    assert.equal(state, 'FAILURE')
    assert.deepEqual([error?.type, error?.module], ['SoftTimeLimitExceeded', 'billiard.exceptions'])
  })

  mixed.test('a limit that is not reached changes nothing, and the next task has none', async () => {
    assert.equal((await mixed.python.call('ts.noted', { args: [0.2], options: { time_limit: 20 } })).value, 'ts')
    assert.equal((await mixed.python.call('ts.noted', { args: [1] })).value, 'ts')
  })
}
