/** A forked child is as a spawned one to the code that runs in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StartMethod } from '../../src/pool/options.ts'
import type * as Features from './fixtures/fork-features.ts'
import type * as Life from './fixtures/fork-life.ts'
import { openForking, serverOf, skip } from './fork-support.ts'
import { openPool } from './real-pool.ts'

test('What Node can do it does alike in spawned and in forked children', { skip }, async (t) => {
  const [spawned, forked] = (['spawn', 'fork'] satisfies StartMethod[]).map((startMethod) =>
    openPool<typeof Features>(t, 'fork-features', { startMethod, timeLimitMs: 10_000 }),
  ) as [ReturnType<typeof openPool<typeof Features>>, ReturnType<typeof openPool<typeof Features>>]
  for (const name of await spawned.exports.names()) {
    await t.test(name, async () => {
      const [expected, found] = await Promise.all([spawned.exports.use(name), forked.exports.use(name)])
      assert.notEqual(expected, undefined)
      assert.deepEqual(found, expected)
    })
  }
})

test('A forked child is, to itself, as a spawned one; its pid, parent and uptime are its own', { skip }, async (t) => {
  const execArgv = ['--stack-trace-limit=20']
  const spawned = await openPool<typeof Life>(t, 'fork-life', { execArgv }).exports.identity()
  const pool = openForking<typeof Life>(t, 'fork-life', { execArgv })
  const server = await serverOf(pool)
  const forked = await pool.exports.identity()
  const [pid] = pool.stats().processes
  assert.deepEqual(
    [forked.pid, forked.parent],
    [
      [pid, pid, pid],
      [server, server],
    ],
  )
  assert.equal(forked.group, pid)
  assert.ok(forked.uptimeSeconds < 30)
  const { program, flags, title, listeners, exitCode } = forked
  assert.deepEqual(
    { program, flags, title, listeners, exitCode },
    {
      program: spawned.program,
      flags: spawned.flags,
      title: spawned.title,
      listeners: spawned.listeners,
      exitCode: spawned.exitCode,
    },
  )
})

test('Siblings have their own random numbers, also of what was in store before the fork', { skip }, async (t) => {
  const pool = openForking<typeof Life>(t, 'fork-life', {
    processes: 3,
    maxTasksPerChild: 1,
    preload: ['fork-preload'],
  })
  const drawn = await Promise.all(Array.from({ length: 9 }, () => pool.exports.random()))
  const all = drawn.flat()
  assert.equal(new Set(all).size, all.length)
  const many = await Promise.all([pool.exports.manyRandom(2_000), pool.exports.manyRandom(2_000)])
  const uuids = many.flatMap((one) => one.uuids)
  assert.equal(new Set(uuids).size, uuids.length)
  const numbers = many.flatMap((one) => one.numbers)
  assert.equal(new Set(numbers).size, numbers.length)
  assert.ok(numbers.every((number) => number >= 0 && number < 1))
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  // Ten standard deviations.
  assert.ok(Math.abs(mean - 0.5) < (10 * Math.sqrt(1 / 12)) / Math.sqrt(numbers.length), `mean ${mean}`)
})
