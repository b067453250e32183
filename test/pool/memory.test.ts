import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeathCertificate, isCaromError, MemoryLimitExceeded, TimeLimitExceeded } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Hoard from './fixtures/hoard.ts'
import type * as LargeModule from './fixtures/large-module.ts'
import { failureOf, openPool, readyPids } from './real-pool.ts'

const MIB = 1024 * 1024
const linux = { skip: process.platform === 'linux' ? false : 'the memory of another process is known on Linux only' }

for (const [where, pool, job] of [
  ['of its pool', { memoryLimitBytes: 32 * MIB }, {}],
  ['of its own, in a pool without one', {}, { memoryLimitBytes: 32 * MIB }],
  ['of its own under that of its pool', { memoryLimitBytes: 400 * MIB }, { memoryLimitBytes: 32 * MIB }],
] as const) {
  test(`A job that grows over the memory limit ${where} is killed, and says how large it was`, linux, async (t) => {
    const hoarders = openPool<typeof Hoard>(t, 'hoard', pool)
    // Given while its child still starts: the watch has to begin with the job.
    const error = await failureOf(hoarders.exports.growOn.with(job)())
    assert.ok(error instanceof MemoryLimitExceeded && isCaromError(error, 'CAROM_MEMORY_LIMIT'))
    const certificate = error.certificate as DeathCertificate
    const { killedBy, signal, memoryBytes, pid } = certificate
    assert.deepEqual([killedBy, signal, error.pid], ['memory-limit', 'SIGKILL', pid])
    assert.ok((memoryBytes ?? 0) > 32 * MIB, `${memoryBytes} bytes`)
    assert.match(error.message, new RegExp(`over the memory limit \\(to ${memoryBytes} bytes\\)`))
    assert.notEqual(await hoarders.exports.pid(), pid)
  })
}

test("A job's own memory limit may be above that of its pool", linux, async (t) => {
  const pool = openPool<typeof Hoard>(t, 'hoard', { memoryLimitBytes: 24 * MIB })
  const [pid] = await readyPids(pool, 1)
  assert.equal(await pool.exports.keep.with({ memoryLimitBytes: 400 * MIB })(48 * MIB, 800), pid)
})

test(
  'A child over maxMemoryPerChildBytes ends its job first, and goes when its successor is ready',
  linux,
  async (t) => {
    const pool = openPool<typeof Hoard>(t, 'hoard', { maxMemoryPerChildBytes: 24 * MIB })
    const [pid] = await readyPids(pool, 1)
    const story: unknown[] = []
    pool.on('childUp', () => story.push('a child is up'))
    pool.on('childDown', (death) => story.push([death.pid, death.phase, death.killedBy, death.exitCode]))
    pool.on('settled', (_, outcome) => story.push(outcome))
    assert.equal(await pool.exports.keep(48 * MIB, 1_500), pid)
    await until(() => story.length === 3, { what: 'the child has gone' })
    assert.deepEqual(story.pop(), [pid, 'stopping', 'itself', 0])
    assert.deepEqual(story.sort(), ['a child is up', 'succeeded'])
    assert.notEqual(await pool.exports.pid(), pid)
  },
)

test('A child that has grown by less than maxMemoryPerChildBytes stays', linux, async (t) => {
  const pool = openPool<typeof Hoard>(t, 'hoard', { maxMemoryPerChildBytes: 128 * MIB })
  const [pid] = await readyPids(pool, 1)
  assert.equal(await pool.exports.keep(24 * MIB, 800), pid)
  assert.equal(await pool.exports.pid(), pid)
  assert.equal(pool.stats().children.length, 1, 'no successor is on its way')
})

test('What a child had when it was ready is not charged to its jobs', linux, async (t) => {
  const bounds = { memoryLimitBytes: 40 * MIB, maxMemoryPerChildBytes: 32 * MIB }
  const pool = openPool<typeof LargeModule>(t, 'large-module', bounds)
  const pids = await readyPids(pool, 1)
  assert.equal(await pool.exports.look(800), 64 * MIB)
  const { children } = pool.stats()
  assert.deepEqual([children.length, children[0]?.pid], [1, pids[0]], 'neither killed nor to be replaced')
  assert.ok((children[0]?.privateMemoryBytes ?? 0) > 64 * MIB)
})

test('A certificate tells how much memory the child had when it was last looked at', linux, async (t) => {
  const pool = openPool<typeof Hoard>(t, 'hoard')
  const error = await failureOf(pool.exports.keep.with({ timeLimitMs: 1_200 })(32 * MIB, 60_000))
  assert.ok(error instanceof TimeLimitExceeded)
  const { memoryBytes } = error.certificate as DeathCertificate
  assert.ok((memoryBytes ?? 0) > 32 * MIB && (memoryBytes ?? 0) < 200 * MIB, `${memoryBytes} bytes`)
})
