import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as Shifts from './fixtures/shifts.ts'
import { openPool } from './real-pool.ts'

for (const [most, jobs, options] of [
  [1, 5, {}],
  [10, 100, { processes: 2 }],
  [3, 12, { concurrencyPerChild: 4 }],
  // More than a hundred runs, so that the function counts as short and is given to children ahead.
  [120, 300, {}],
] as const) {
  const what = `maxTasksPerChild: ${most} and ${JSON.stringify(options)}`
  test(`With ${what} no child is given more, and ${jobs} jobs get their right results`, async (t) => {
    const pool = openPool<typeof Shifts>(t, 'shifts', { maxTasksPerChild: most, ...options })
    const ranIn = new Map<number, number>()
    const run = async (n: number) => {
      const { result, pid } = await pool.exports.square(n)
      assert.equal(result, n * n)
      ranIn.set(pid, (ranIn.get(pid) ?? 0) + 1)
    }
    await Promise.all(Array.from({ length: jobs }, (_, n) => run(n)))
    assert.deepEqual(
      [...ranIn.values()].filter((count) => count > most),
      [],
    )
    assert.ok(ranIn.size >= jobs / most)
    assert.equal(pool.stats()['max-tasks-per-child'], most)
  })
}
