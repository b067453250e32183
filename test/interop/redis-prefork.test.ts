/** Celery's own pool: a Python worker with two children, which has fetched more than it runs, beside a Carom worker. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { CaromError, TaskError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import { GET, ledger, mixedCluster, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const COUNT = 300
const mixed = mixedCluster({
  python: { processes: 2, queues: ['py', 'both'] },
  carom: { concurrency: 2, queues: ['ts', 'both'] },
})

async function failureOf(sent: Promise<{ get(options: typeof GET): Promise<unknown> }>): Promise<CaromError> {
  const error = await (await sent).get(GET).then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof CaromError)
  return error
}

test('calls, keywords, errors, retries and an eta are as with any Python worker', options, async () => {
  const { python } = mixed.carom
  const sums = await Promise.all(Array.from({ length: 50 }, async (_, n) => (await python.add.delay(n, 1)).get(GET)))
  assert.deepEqual(
    sums,
    Array.from({ length: 50 }, (_, n) => n + 1),
  )
  const named = await python.echo.applyAsync([], { kwargs: { text: 'ü 🎱', none: null } } as object)
  assert.deepEqual(await named.get(GET), [[], { text: 'ü 🎱', none: null }])
  const failed = await failureOf(python.fails.delay('value'))
  assert.ok(failed instanceof TaskError)
  assert.deepEqual([failed.name, failed.message], ['ValueError', 'bad value, 42'])
  assert.match(failed.stack ?? '', /Traceback \(most recent call last\)[\s\S]*mixed\.py/)
  assert.equal(await (await python.retries.delay(2)).get(GET), 2)
  const startedMs = Date.now()
  const later = (await (await python.describe.applyAsync([], { countdownMs: 1_000 })).get(GET)) as { at: number }
  assert.ok(later.at >= startedMs + 1_000, 'it ran too early')
})

test('a Python child that is killed is a WorkerLostError here, and its pool goes on', options, async () => {
  const { python } = mixed.carom
  const lost = await failureOf(python.dies.delay())
  assert.equal(lost.code, 'CAROM_WORKER_LOST')
  assert.match(lost.message, /signal 9 \(SIGKILL\)/)
  assert.equal(await (await python.add.delay(2, 3)).get(GET), 5)
})

test('the time limits of a call hold in Python', options, async () => {
  const { python } = mixed.carom
  const startedMs = performance.now()
  const killed = await failureOf(python.sleeps.applyAsync([20], { timeLimitMs: 1_200 }))
  const tookMs = performance.now() - startedMs
  assert.equal(killed.code, 'CAROM_TIME_LIMIT')
  assert.ok(tookMs >= 1_200 && tookMs < 9_000, `it took ${tookMs} ms`)
  const told = await python.sleeps.applyAsync([20], { softTimeLimitMs: 500, timeLimitMs: 15_000 })
  assert.equal(await told.get(GET), 'told to stop')
  const seen = await python.describe.applyAsync([], { softTimeLimitMs: 1_500, timeLimitMs: 90_000 })
  assert.deepEqual(((await seen.get(GET)) as { timelimit: unknown }).timelimit, [90, 1.5])
  const half = await python.describe.applyAsync([], { softTimeLimitMs: 1_500 })
  assert.deepEqual(((await half.get(GET)) as { timelimit: unknown }).timelimit, [null, 1.5])
})

test('and in Carom, where the soft one aborts the signal of the task', options, async () => {
  const { spins, aborts } = mixed.carom
  const startedMs = performance.now()
  const killed = await failureOf(spins.applyAsync([], { timeLimitMs: 600 }))
  const tookMs = performance.now() - startedMs
  assert.equal(killed.code, 'CAROM_TIME_LIMIT')
  assert.ok(tookMs >= 600 && tookMs < 9_000, `it took ${tookMs} ms`)
  const told = await failureOf(aborts.applyAsync([], { softTimeLimitMs: 400, timeLimitMs: 20_000 }))
  assert.equal(told.code, 'CAROM_SOFT_TIME_LIMIT')
})

test(`${COUNT} tasks on a queue of both run once each, and neither starves`, options, async (t) => {
  const calls = Array.from({ length: COUNT }, () => [0.01] as [number])
  const results = await mixed.carom.bothNoted.applyMany(calls, { queue: 'both' })
  const said = await Promise.all(results.map((result) => result.get({ timeoutMs: 20_000 })))
  const wanted = new Map(results.map(({ id }, index) => [id, said[index]]))
  const runs = ledger().filter(({ taskId }) => wanted.has(taskId))
  assert.equal(runs.length, COUNT, 'some ran twice')
  for (const { taskId, who } of runs) assert.equal(wanted.get(taskId), who)
  const py = runs.filter(({ who }) => who === 'py').length
  t.diagnostic(`${py} ran in Python, ${COUNT - py} in Carom`)
  assert.ok(py > COUNT / 10 && COUNT - py > COUNT / 10, `${py} ran in Python, ${COUNT - py} in Carom`)
  const client = mixed.server.client()
  t.after(() => client.disconnect())
  await until(async () => (await client.hlen('unacked')) === 0, { what: 'nothing is claimed' })
})
