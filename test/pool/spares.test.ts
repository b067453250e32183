import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as Shifts from './fixtures/shifts.ts'
import { openPool, readyPids } from './real-pool.ts'

test('A spare takes the place of a child that dies: the next job does not wait for a start', async (t) => {
  const options = { spareChildren: 1, initializer: 'start', initArgs: [1_000] }
  const pool = openPool<typeof Shifts>(t, 'shifts', options)
  const pids = await readyPids(pool, 2)
  const pid = await pool.exports.pid()
  let ups = 0
  pool.on('childUp', () => ups++)
  process.kill(pid, 'SIGKILL')
  const next = await pool.exports.pid()
  assert.deepEqual([pid, next].sort(), [...pids].sort())
  assert.equal(ups, 0, 'it did not wait for the one that is to make up for the dead')
  await readyPids(pool, 2)
})

for (const options of [
  { processes: 2, spareChildren: 2 },
  { processes: 1, spareChildren: 2, concurrencyPerChild: 2 },
]) {
  test(`With ${JSON.stringify(options)} no more than two jobs run at once`, async (t) => {
    const pool = openPool<typeof Shifts>(t, 'shifts', options)
    await readyPids(pool, options.processes + options.spareChildren)
    assert.equal(pool.stats()['max-concurrency'], 2)
    const spans = await Promise.all(Array.from({ length: 12 }, () => pool.exports.span(60)))
    assert.equal(mostAtOnce(spans), 2)
  })
}

function mostAtOnce(spans: readonly Shifts.Span[]): number {
  const starts = spans.map(({ fromMs }) => fromMs)
  return Math.max(...starts.map((at) => spans.filter(({ fromMs, toMs }) => fromMs <= at && at < toMs).length))
}
