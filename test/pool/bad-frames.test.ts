import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as BadFrames from './fixtures/bad-frames.ts'
import { caromFailureOf, deathOf, fixture, NO_TICKETS, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const CASES = [
  ['text', /Expected a frame, found the bytes 7b22/],
  ['zeros', /Expected a frame/],
  ['oversized', /4294967295 bytes is over the limit/],
  ['truncated', /^FrameError/],
  ['oldVersion', /protocol version 9, not 2/],
  ['acceptedTwice', /"accepted" for job \d+, which child \d+ does not hold in that state/],
  ['readyTwice', /"ready" from a child that was ready/],
  ['brokenLate', /"broken" from a child that was ready/],
  ['foreignGeneration', /of child \d+ came from child \d+/],
  ['unknownType', /unknown type 200/],
  ['order', /unknown type 2/],
  ['unreadableLastWords', /Last words that cannot be read/],
  ['unreadableProgress', /Progress that cannot be read/],
  ['close', /It closed its channel/],
] as const
const OF_SHARED_MEMORY = [
  ['outboxTooFar', /Expected a frame/],
  ['outboxThatGoesBack', /An outbox of -\d+ bytes/],
] as const

const never = () => new Promise<never>(() => {})
const pool = new Pool<typeof BadFrames>({
  module: fixture('bad-frames'),
  startMethod: START_METHOD,
  processes: 2,
  answer: never,
})
after(() => pool.terminate())

for (const [name, evidence] of [...CASES, ...(NO_TICKETS ? [] : OF_SHARED_MEMORY)]) {
  test(`A job that breaks the protocol (${name}) is lost with the evidence, and its neighbours live`, async () => {
    const pids = await readyPids(pool, 2)
    const death = await deathOf(pool.apply(name, [], { onProgress: () => {} }))
    assert.equal(death.killedBy, 'bad-frame')
    assert.equal(death.signal, 'SIGKILL')
    assert.match(`${death.failure?.name}: ${death.failure?.message}`, evidence)
    const [survivor] = pids.filter((pid) => pid !== death.pid)
    assert.ok((await readyPids(pool, 2)).includes(survivor as number), 'the other child lives')
    assert.equal(typeof (await pool.exports.pid()), 'number')
  })
}

test('A result sent twice settles its job once, and the child dies', async () => {
  const pids = await readyPids(pool, 2)
  assert.equal(await (pool.exports.resultTwice() as Promise<unknown>), 'forged')
  await until(async () => (await readyPids(pool, 2)).some((pid) => !pids.includes(pid)), {
    what: 'a child is replaced',
  })
})

test('A child cannot give the result of a job that another child runs', async () => {
  await readyPids(pool, 2)
  const victim = pool.applyAsync('never', [])
  await until(() => victim.state === 'accepted', { what: 'the victim runs' })
  const death = await deathOf(pool.exports.resultOfAnother(victim.id))
  assert.equal(death.killedBy, 'bad-frame')
  assert.equal(victim.state, 'accepted')
  victim.terminate()
})

test('A result that cannot be read fails its own job and nothing else', async (t) => {
  // Its child goes on running the job for itself, and so never takes another one: hence a pool for this test alone.
  const own = openPool<typeof BadFrames>(t, 'bad-frames')
  const pids = await readyPids(own, 1)
  await caromFailureOf(own.exports.unreadableResult(), 'CAROM_RESULT_UNENCODABLE')
  assert.deepEqual(await readyPids(own, 1), pids)
})

test('A value of a stream that cannot be read ends that stream and nothing else', async (t) => {
  const own = openPool<typeof BadFrames>(t, 'bad-frames', { stopTimeoutMs: 100 })
  const values = own.stream('unreadableValue', [])
  assert.deepEqual(await values.next(), { value: 1, done: false })
  await caromFailureOf(values.next(), 'CAROM_RESULT_UNENCODABLE')
  assert.equal(own.stats().open, 0)
})

test('A child that asks without end is cut off at a bound', async () => {
  const death = await deathOf(pool.exports.tooManyQuestions())
  assert.match(death.failure?.message ?? '', /A question too many/)
})

test('A child that asks on and reads no answer is cut off before its answers fill the parent', async (t) => {
  let answers = 0
  const answer = async () => {
    answers++
    return new Uint8Array(1024 * 1024)
  }
  const own = openPool<typeof BadFrames>(t, 'bad-frames', { answer })
  const death = await deathOf(own.exports.asksAndNeverReads())
  assert.match(death.failure?.message ?? '', /It asks on, and reads no answer/)
  assert.ok(answers < 1_000, `${answers} answers of a MiB were given`)
})
