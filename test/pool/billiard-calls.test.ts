/** Behaviours of Billiard's pool, by their rows in `billiard.test.ts`: calls, maps, what crosses, how errors arrive. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as BadFrames from './fixtures/bad-frames.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, deathOf, failureOf, fixture, openPool } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

type Functions = typeof Billiard

const pool = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD, processes: 2 })
after(() => pool.close())
const numbers = Array.from({ length: 100 }, (_, at) => at)
const squares = numbers.map((n) => n * n)

test('Row 3: a function that throws fails its own call with its own error, and no other', async () => {
  const calls = await Promise.allSettled([5, 6, 7, 8].map((n) => pool.exports.squareUnless(n)))
  assert.deepEqual(
    calls.map((call) => (call.status === 'fulfilled' ? call.value : `${call.reason.name}: ${call.reason.message}`)),
    [25, 36, 'RangeError: 7 is bad', 64],
  )
})

test('Row 4: whatever is thrown reaches the caller, also what is no error', async () => {
  assert.equal((await failureOf(pool.exports.throwText())).message, 'just text')
  assert.equal((await failureOf(pool.exports.throwNull())).message, 'null was thrown: null')
  assert.match((await failureOf(pool.exports.rejectNothing())).message, /^undefined was thrown/)
})

test('Row 5: results are counted by the parent that takes them: nothing is shared, and nothing is off by one', async () => {
  const done = () => pool.stats().children.reduce((sum, { jobsDone }) => sum + jobsDone, 0)
  const before = done()
  await Promise.allSettled(numbers.map((n) => pool.exports.squareUnless(n)))
  assert.equal(done() - before, numbers.length)
})

test('Row 7: an error in a listener surfaces as an uncaught exception, and the pool goes on', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(fixture('throwing-listener'))])
  assert.deepEqual(
    stdout.trim().split('\n').sort(),
    ['result: 3', 'result: 42', 'surfaced: from accepted', 'surfaced: from settled'].sort(),
  )
})

test('Rows 14 and 15: an error has its text, file, function and line on both sides of the channel', async () => {
  const error = await failureOf(pool.exports.throwError())
  assert.equal(`${error.name}: ${error.message}`, 'RangeError: the outer reason')
  assert.match(String(error.stack), /^RangeError: the outer reason\n +at throwError \(.*values\.js:\d+:\d+\)/)
})

test('Row 16: a stack that is too long ends in a mark', async () => {
  const { stack = '' } = await failureOf(pool.exports.throwFromDeep(1_000))
  assert.match(stack, /^RangeError: from deep down\n +at throwFromDeep/)
  assert.equal(stack.length, 16 * 1024)
  assert.ok(stack.endsWith('…'))
})

test('Row 17: an error that has crossed can be inspected, and can cross again', async () => {
  const error = await failureOf(pool.exports.throwError())
  assert.match(inspect(error), /the outer reason[\s\S]*the inner reason/)
  const again = (await pool.exports.echo(error)) as Error
  assert.ok(again instanceof Error)
  assert.equal(again.message, error.message)
})

test('Row 51: apply() passes the arguments it was given', async () => {
  assert.equal(await pool.apply('add', [1, 2]), 3)
  assert.deepEqual(await pool.apply('echo', [{ named: { as: 'in Python' } }]), { named: { as: 'in Python' } })
})

test('Row 52: map() gives what a local map gives, in chunks of 20 too', async () => {
  assert.deepEqual(await pool.map('square', numbers), squares)
  assert.deepEqual(await pool.map('square', numbers, { chunkSize: 20 }), squares)
})

test('Row 53: a map over nothing is done at once, whatever the size of its chunks', async () => {
  assert.deepEqual(await pool.map('square', []), [])
  assert.deepEqual(await pool.map('square', [], { chunkSize: 20 }), [])
})

test('Row 54: a result can be waited for, and the waiting can be given up after a time', async () => {
  const job = pool.applyAsync('pause', [30])
  assert.equal(typeof (await job.result), 'number')
  const error = await caromFailureOf(
    pool.exports.untilTold.with({ signal: AbortSignal.timeout(30) })(),
    'CAROM_JOB_CANCELLED',
  )
  assert.equal((error.cause as Error).name, 'TimeoutError')
})

test('Row 55: imap() gives the results in order and then ends, in chunks of 100 too', async () => {
  assert.deepEqual(await listOf(pool.imap('square', numbers)), squares)
  assert.deepEqual(await listOf(pool.imap('square', numbers, { chunkSize: 100 })), squares)
})

test('Row 56: imapUnordered() gives the same results in whatever order, in chunks of 53 too', async () => {
  for (const options of [{}, { chunkSize: 53 }]) {
    const results = await listOf(pool.imapUnordered('square', numbers, options))
    assert.deepEqual(
      results.sort((a, b) => a - b),
      squares,
    )
  }
})

test('Row 61: 16 MiB cross whole, and a child that closes its channel is given up', async () => {
  const bytes = new Uint8Array(16 * 1024 * 1024).fill(7)
  bytes[bytes.length - 1] = 8
  assert.deepEqual(await pool.exports.echo(bytes), Buffer.from(bytes.buffer))
  assert.equal((await deathOf(pool.exports.closeChannel())).killedBy, 'bad-frame')
})

test('Row 97: a job is told as accepted, then as settled, and then its caller knows', async () => {
  const told: string[] = []
  const accepted = ({ id }: { readonly id: number }): number => told.push(`accepted ${id}`)
  const settled = ({ id }: { readonly id: number }, outcome: string): number => told.push(`${outcome} ${id}`)
  pool.on('accepted', accepted).on('settled', settled)
  const good = pool.applyAsync('square', [2])
  await good.result.then(() => told.push('known'))
  const bad = pool.applyAsync('squareUnless', [7])
  await failureOf(bad.result).then(() => told.push('known'))
  pool.off('accepted', accepted).off('settled', settled)
  const expected = [`accepted ${good.id}`, `succeeded ${good.id}`, 'known', `accepted ${bad.id}`, `failed ${bad.id}`]
  assert.deepEqual(told, [...expected, 'known'])
})

test('Row 120: a call whose signal is aborted before it is made reaches no child', async () => {
  const heard: number[] = []
  const listener = ({ id }: { readonly id: number }): number => heard.push(id)
  pool.on('accepted', listener)
  const reason = new Error('no longer wanted')
  const error = await caromFailureOf(
    pool.exports.square.with({ signal: AbortSignal.abort(reason) })(3),
    'CAROM_JOB_CANCELLED',
  )
  assert.equal(error.cause, reason)
  await pool.exports.square(3)
  pool.off('accepted', listener)
  assert.equal(heard.length, 1)
})

test('Row 6: results that wait in the channel are delivered, though the pool is terminated before it has read them', async (t) => {
  const ending = openPool<Functions>(t, 'billiard')
  const pid = await ending.exports.pid()
  const result = ending.exports.answerAndDie(10)
  // The order leaves with this tick. From then on this process looks at nothing until the child has answered and died.
  await new Promise((resolve) => process.nextTick(resolve))
  while (isAlive(pid));
  await ending.terminate()
  assert.equal((await result).length, 10)
})

test('Row 90: a report on a job that its child does not have ends that child, and touches no other job', async (t) => {
  const framed = openPool<typeof BadFrames>(t, 'bad-frames', { processes: 2 })
  const held = framed.applyAsync('never', [])
  await until(() => held.state === 'accepted', { what: 'the other job runs' })
  assert.equal((await deathOf(framed.exports.resultOfAnother(held.id))).killedBy, 'bad-frame')
  assert.equal(held.state, 'accepted')
})

async function listOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const value of values) list.push(value)
  return list
}
