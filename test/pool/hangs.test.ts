import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { EXECUTORS, type ExecutorName, HARD_LIMIT, type Hang } from '../../src/pool/capabilities.ts'
import { type DeathCertificate, Pool } from '../../src/pool/index.ts'
import type * as Hangs from './fixtures/hangs.ts'
import { caromFailureOf, fixture } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const module = fixture('hangs')
const TIME_LIMIT_MS = 300
/** Longer by far than a thread is waited for. */
const NATIVE_SECONDS = 5

const CALLS: Readonly<Record<Hang, Call>> = {
  await: (pool) => pool.exports.never.with(LIMITED)(),
  loop: (pool) => pool.exports.loop.with(LIMITED)(),
  microtasks: (pool) => pool.exports.microtasks.with(LIMITED)(),
  atomics: (pool) => pool.exports.atomics.with(LIMITED)(),
  native: (pool) => pool.exports.native.with(LIMITED)(NATIVE_SECONDS),
}
const LIMITED = { timeLimitMs: TIME_LIMIT_MS }

type Call = (pool: Pool<typeof Hangs>) => Promise<unknown>

const EFFECTS = { ended: endsIt, left: leavesIt, refused: refusesIt }

for (const executor of EXECUTORS) {
  // With a spare child no test waits for a start.
  const spareChildren = executor === 'inline' ? 0 : 1
  const started = executor === 'prefork' ? { startMethod: START_METHOD } : {}
  const pool = new Pool<typeof Hangs>({ module, executor, processes: 1, spareChildren, ...started })
  after(() => pool.terminate())
  for (const hang of Object.keys(CALLS) as Hang[]) {
    const effect = HARD_LIMIT[hang][executor]
    test(`${executor}: a function that hangs in "${hang}" is ${effect} by its time limit`, async () => {
      await EFFECTS[effect](pool, executor, CALLS[hang])
    })
  }
}

async function endsIt(pool: Pool<typeof Hangs>, executor: ExecutorName, call: Call): Promise<void> {
  const { signal, exitCode } = await deathByLimit(pool, call)
  // A process was killed by a signal, a thread ended with a code: neither goes on.
  if (executor === 'prefork') assert.equal(signal, 'SIGKILL')
  else assert.equal(typeof exitCode, 'number')
  assert.equal(await pool.exports.add(1, 2), 3, 'another child goes on')
}

async function leavesIt(pool: Pool<typeof Hangs>, _executor: ExecutorName, call: Call): Promise<void> {
  const { signal, exitCode } = await deathByLimit(pool, call)
  assert.deepEqual([signal, exitCode], [null, null], 'it was given up before it had ended')
  assert.equal(await pool.exports.add(1, 2), 3, 'another child goes on')
}

async function refusesIt(pool: Pool<typeof Hangs>, executor: ExecutorName, call: Call): Promise<void> {
  const error = await caromFailureOf(call(pool), 'CAROM_EXECUTOR_UNABLE')
  assert.deepEqual([error.option, error.executor], ['timeLimitMs', executor])
}

async function deathByLimit(pool: Pool<typeof Hangs>, call: Call): Promise<DeathCertificate> {
  const error = await caromFailureOf(call(pool), 'CAROM_TIME_LIMIT')
  const death = error.certificate as DeathCertificate
  assert.equal(death.killedBy, 'time-limit')
  assert.ok((death.ranMs as number) >= TIME_LIMIT_MS - 1)
  return death
}
