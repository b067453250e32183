import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Ledger from './fixtures/ledger.ts'
import { childrenOf, isAlive, openFileCount } from './proc.ts'
import { deathOf, fixture, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

test('Two hundred deaths leave neither descriptors nor zombies behind', async (t) => {
  const pool = openPool<typeof Ledger>(t, 'ledger', { processes: 5 })
  await readyPids(pool, 5)
  await deathOf(pool.exports.exit())
  await readyPids(pool, 5)
  const files = openFileCount()
  // As many as are made up for without a pause.
  const deaths = await Promise.all(Array.from({ length: 50 }, () => deathOf(pool.exports.exit())))
  assert.equal(new Set(deaths.map(({ pid }) => pid)).size, 50)
  // The others die young, which costs less.
  for (let round = 0; round < 5; round++) {
    await new Pool({ module: fixture('ledger'), startMethod: START_METHOD, processes: 30 }).terminate()
  }
  await readyPids(pool, 5)
  await until(() => openFileCount() <= files, { what: `no more than ${files} descriptors are open` })
  await until(() => childrenOf(process.pid).every(({ pid }) => isAlive(pid)), { what: 'no zombie is left' })
})

test('Pools that come and go leave no process behind, their sentries included', async () => {
  const before = childrenOf(process.pid).length
  for (let round = 0; round < 5; round++) {
    const pool = new Pool<typeof Ledger>({ module: fixture('ledger'), startMethod: START_METHOD, processes: 2 })
    if (round % 2 === 0) await pool.exports.record('/dev/null', 1, 0)
    await pool.close()
  }
  await until(() => childrenOf(process.pid).length <= before, { what: 'every process is gone' })
})
