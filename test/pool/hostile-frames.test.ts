import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { Pool, type PoolOptions } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Hostile from './fixtures/hostile-frames.ts'
import { linesOf } from './ledger-file.ts'
import {
  caromFailureOf,
  deathOf,
  failureOf,
  fixture,
  NO_TICKETS,
  openPool,
  readyPids,
  WITHOUT_TICKETS,
} from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const CHILDREN = 3
const pool = new Pool<typeof Hostile>({
  module: fixture('hostile-frames'),
  startMethod: START_METHOD,
  processes: CHILDREN,
})
after(() => pool.terminate())

const OWN: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
  [
    'gives the result of a child that is gone',
    () => pool.exports.resultOfPredecessor(),
    /of child \d+ came from child/,
  ],
  ['yields without credit', () => takeAll(pool.stream('yieldTooMuch', [])), /"yielded" for job \d+/],
  ['yields though it is no stream', () => pool.exports.yieldFromCall(), /"yielded" for job \d+/],
  ['gives itself back', () => pool.exports.recallBegun(), /"recalled" for job \d+/],
  [
    'tells of a progress that cannot be read',
    () => pool.exports.progressNonsense.with({ onProgress: () => {} })(),
    /^Progress that cannot be read/,
  ],
]

for (const [what, call, evidence] of OWN) {
  test(`A job that ${what} is lost with its child, and the other children live`, async () => {
    const before = await readyPids(pool, CHILDREN)
    const death = await deathOf(call())
    assert.deepEqual([death.killedBy, death.signal], ['bad-frame', 'SIGKILL'])
    assert.match(death.failure?.message ?? '', evidence)
    const now = await readyPids(pool, CHILDREN)
    assert.deepEqual(
      before.filter((pid) => !now.includes(pid)),
      [death.pid],
    )
  })
}

const OF_OTHERS = [
  ['the result', 'resultOfJob'],
  ['a value', 'yieldForJob'],
  ['the progress', 'progressOfJob'],
  ['the return', 'recallJob'],
  ['the beginning', 'acceptJob'],
] as const

for (const [what, name] of OF_OTHERS) {
  test(`A child that tells ${what} of another child's job dies of it, and that job goes on`, async () => {
    const before = await readyPids(pool, CHILDREN)
    const victim = pool.applyAsync('never', [])
    await until(() => victim.state === 'accepted', { what: 'the victim runs' })
    const death = await deathOf(pool.apply(name, [victim.id]))
    assert.equal(death.killedBy, 'bad-frame')
    assert.equal(victim.state, 'accepted')
    victim.terminate()
    await caromFailureOf(victim.result, 'CAROM_JOB_TERMINATED')
    const now = await readyPids(pool, CHILDREN)
    assert.equal(before.filter((pid) => now.includes(pid)).length, CHILDREN - 2, 'the third child lives')
  })
}

test('A job that writes half a frame and never returns is ended by its time limit', async (t) => {
  const own = openPool<typeof Hostile>(t, 'hostile-frames')
  const pid = await own.exports.pid()
  const error = await caromFailureOf(own.exports.halfFrame.with({ timeLimitMs: 300 })(), 'CAROM_TIME_LIMIT')
  assert.equal(error.pid, pid)
  assert.notEqual(await own.exports.pid(), pid)
})

test('A failure that cannot be read is still a failure, and only of its job', async (t) => {
  const own = openPool<typeof Hostile>(t, 'hostile-frames')
  assert.equal((await failureOf(own.exports.failWithNonsense())).message, 'An error that said nothing')
})

test('A streamed value or a result of a map that cannot be read fails its own job, and the child lives', async (t) => {
  const own = openPool<typeof Hostile>(t, 'hostile-frames', { concurrencyPerChild: 10 })
  const pid = await own.exports.pid()
  await failureOf(takeAll(own.stream('yieldNonsense', [])))
  for (const value of [null, 7, []]) await failureOf(own.map('succeedWith', [value]))
  assert.equal(await own.exports.pid(), pid)
})

test('A job whose ticket says that it ran beside one that wrote garbage is as suspect as that', {
  skip: NO_TICKETS,
}, async (t) => {
  const { garbage, other, file } = await sendGarbageBefore(t, { redeliverNeighbours: true })
  assert.equal((await deathOf(garbage)).killedBy, 'bad-frame')
  assert.equal((await deathOf(other)).killedBy, 'bad-frame')
  assert.equal(readFileSync(file, 'utf8'), '1\n')
})

test('A job that may have begun behind garbage is not run again: it is lost, and said to be innocent', async (t) => {
  const { garbage, other, file } = await sendGarbageBefore(t, WITHOUT_TICKETS)
  assert.equal((await deathOf(garbage)).killedBy, 'bad-frame')
  assert.equal((await deathOf(other)).killedBy, 'neighbour')
  assert.equal(readFileSync(file, 'utf8'), '1\n', 'it did begin, and only once')
})

test('With redeliverNeighbours what may have begun behind garbage runs in another child', async (t) => {
  const { garbage, other, file } = await sendGarbageBefore(t, { ...WITHOUT_TICKETS, redeliverNeighbours: true })
  await deathOf(garbage)
  await other
  assert.equal(readFileSync(file, 'utf8'), '1\n1\n')
})

/** The second job begins when the first has written its garbage and nobody can have read it yet. */
async function sendGarbageBefore(t: TestContext, options: Partial<PoolOptions>) {
  const own = openPool<typeof Hostile>(t, 'hostile-frames', { concurrencyPerChild: 2, ...options })
  await own.whenStarted()
  const folder = mkdtempSync(join(tmpdir(), 'carom-garbage-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'ledger')
  const garbage = own.applyAsync('writeGarbage', []).result
  const other = own.applyAsync('recordStart', [file, 1]).result
  // Both leave with this tick; then this process stands still until the child has begun both.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  const deadline = performance.now() + 10_000
  while (linesOf(file).length === 0 && performance.now() < deadline);
  return { garbage, other, file }
}

async function takeAll(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}
