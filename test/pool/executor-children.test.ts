import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { EXECUTORS, OPTIONS } from '../../src/pool/capabilities.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import { until } from '../support/wait.ts'
import type * as Anywhere from './fixtures/any-executor.ts'
import { caromFailureOf, openPool } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

for (const executor of EXECUTORS) {
  const open = (t: TestContext, options: Partial<PoolOptions> = {}) =>
    openPool<typeof Anywhere>(t, 'any-executor', { executor, ...options })

  test(`${executor}: the initializer is awaited before the first job, and asks the owner of its own pool`, async (t) => {
    const answerAs = (who: string) => async (name: string, value: unknown) => `${who}: ${name} ${value}`
    const initializer = { initializer: 'remember', initArgs: [1, { two: [2] }] }
    const one = open(t, { answer: answerAs('one'), ...initializer })
    const two = open(t, { answer: answerAs('two'), ...initializer })
    const asked = [one.exports.askFor('what', 1), two.exports.askFor('what', 2), one.exports.askFor('what', 3)]
    assert.deepEqual(await Promise.all(asked), ['one: what 1', 'two: what 2', 'one: what 3'])
    assert.deepEqual((await one.exports.remembered()).slice(0, 2), [1, { two: [2] }])
    assert.match(String((await two.exports.remembered())[2]), /: started 1$/)
  })

  test(`${executor}: a module that throws ends the pool with its error`, async (t) => {
    const pool = openPool(t, 'throws', { executor })
    const waiting = caromFailureOf(pool.apply('anything', []), 'CAROM_CHILD_START')
    const error = await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
    assert.match(error.message, /does not like this machine/)
    await waiting
  })

  test(`${executor}: stats and events tell of children and jobs in the order of things`, async (t) => {
    const pool = open(t, { concurrencyPerChild: 3 })
    const told: unknown[] = []
    pool.on('childUp', (pid) => told.push(['childUp', pid === null]))
    pool.on('accepted', ({ name }, pid) => told.push(['accepted', name, pid === null]))
    pool.on('settled', ({ name }, outcome) => told.push(['settled', name, outcome]))
    pool.on('childDown', ({ killedBy, phase, exitCode }) => told.push(['childDown', killedBy, phase, exitCode]))
    await pool.exports.sum(1, 2)
    const stats = pool.stats()
    await pool.close()
    const noPid = executor !== 'prefork'
    assert.deepEqual(told, [
      ['childUp', noPid],
      ['accepted', 'sum', noPid],
      ['settled', 'sum', 'succeeded'],
      ['childDown', 'itself', 'stopping', 0],
    ])
    assert.deepEqual([stats.implementation, stats['max-concurrency']], [`carom.pool:${executor}`, 3])
    assert.deepEqual(
      stats.children.map(({ state, startMethod, jobsDone, pid }) => [state, startMethod, jobsDone, pid === null]),
      [['ready', { prefork: START_METHOD, threads: 'thread', inline: 'inline' }[executor], 1, noPid]],
    )
  })

  test(`${executor}: close() runs what it was given, and takes no more`, async (t) => {
    const pool = open(t, { concurrencyPerChild: 2 })
    const results = Array.from({ length: 20 }, (_, n) => pool.exports.double(n))
    const closed = pool.close()
    await caromFailureOf(pool.exports.sum(1, 2), 'CAROM_POOL_CLOSED')
    await closed
    assert.deepEqual(
      await Promise.all(results),
      Array.from({ length: 20 }, (_, n) => 2 * n),
    )
    assert.deepEqual([pool.state, pool.stats().open, pool.stats().children], ['ended', 0, []])
  })

  test(`${executor}: terminate() settles every job, running and queued, and ends the pool`, async (t) => {
    const pool = open(t)
    const jobs = [pool.applyAsync('never', []), pool.applyAsync('never', []), pool.applyAsync('sum', [1, 2])]
    const settled = jobs.map(({ result }) => caromFailureOf(result, 'CAROM_JOB_TERMINATED'))
    await until(() => jobs[0]?.state === 'accepted', { what: 'the first job runs' })
    await pool.terminate()
    await Promise.all(settled)
    assert.deepEqual([pool.state, pool.stats().open, pool.stats().children], ['ended', 0, []])
  })

  test(`${executor}: terminateJob() ends a job with its child, and a fresh child goes on`, async (t) => {
    const pool = open(t)
    const downs: unknown[] = []
    pool.on('childDown', ({ killedBy }) => downs.push(killedBy))
    const job = pool.applyAsync('never', [])
    await until(() => job.state === 'accepted', { what: 'the job runs' })
    assert.equal(pool.terminateJob(job.id), true)
    await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
    assert.equal(await pool.exports.sum(1, 2), 3)
    assert.equal(pool.terminateJob(job.id), false)
    assert.deepEqual(downs, ['terminated'])
  })

  if (OPTIONS.maxTasksPerChild[executor] === null) {
    test(`${executor}: a child is replaced by a fresh one after maxTasksPerChild jobs`, async (t) => {
      const pool = open(t, { maxTasksPerChild: 2 })
      const numbers: number[] = []
      for (let call = 0; call < 6; call++) numbers.push(await pool.exports.callNumber())
      assert.deepEqual(numbers, [1, 2, 1, 2, 1, 2])
    })
  }

  if (OPTIONS.restart[executor] === null) {
    test(`${executor}: children come, go and are exchanged on order`, async (t) => {
      const pool = open(t)
      const states = () => pool.stats().children.map(({ state }) => state)
      assert.equal(await pool.exports.callNumber(), 1)
      await pool.grow(2)
      assert.deepEqual(states(), ['ready', 'ready', 'ready'])
      await pool.shrink(2)
      assert.deepEqual(states(), ['ready'])
      await pool.restart()
      assert.equal(await pool.exports.callNumber(), 1)
    })
  }
}
