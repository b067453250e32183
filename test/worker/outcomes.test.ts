/** What a caller gets, for everything a task can do, with one real worker on a real store. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import type { CaromErrorCode } from '../../src/errors.ts'
import type { AsyncResult } from '../../src/index.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { APP, claimed, ledger, START } from './lab.ts'

const tasks = await import('./fixtures/tasks.ts')
const { app } = tasks
let worker: Worker

before(async () => {
  worker = await startWorker({ app: APP, ...START, concurrency: 2 })
})
after(async () => {
  await worker.stop()
  await app.close()
})

const GET = { timeoutMs: 15_000 }

async function failure(result: Promise<AsyncResult<unknown>>): Promise<Error & { code?: CaromErrorCode }> {
  const handle = await result
  return handle.get(GET).then(
    (value) => assert.fail(`expected a failure, got ${String(value)}`),
    (error) => error,
  )
}

test('a task gives its result', async () => {
  assert.equal(await (await tasks.add.delay(2, 3)).get(GET), 5)
})

test('a result of every JSON-class kind arrives as it was', async () => {
  for (const value of [null, true, -1.5, 'é\u0000', [1, [2]], { a: { b: [] } }, new Date(5), Number.NaN, 2n ** 70n]) {
    assert.deepEqual(await (await tasks.echo.delay(value as never)).get(GET), value)
  }
})

test('applyMany() sends all and each result is its own', async () => {
  const results = await tasks.add.applyMany([
    [1, 2],
    [3, 4],
  ])
  assert.deepEqual(await Promise.all(results.map((result) => result.get(GET))), [3, 7])
})

test('currentTask() tells id, name, queue, attempt and headers, and currentJob() is the same call', async () => {
  const result = await tasks.context.applyAsync([], { headers: { custom: 'x' }, taskId: 'my-id' })
  const { pid, ...facts } = await result.get(GET)
  assert.deepEqual(facts, { id: 'my-id', name: 'lab.context', queue: 'lab', attempt: 1, custom: 'x', same: true })
  assert.notEqual(pid, process.pid)
})

test('onChildInit() has run to its end before the first task of a child', async () => {
  assert.equal(await (await tasks.inits.delay()).get(GET), 1)
})

test('a task with input takes one object, by its queue', async () => {
  assert.equal(await (await tasks.mail.delay({ to: 'a@b.org' })).get(GET), 'sent to a@b.org')
})

test('a task with argNames takes arguments by position or by name', async () => {
  assert.equal(await (await tasks.named.delay(5)).get(GET), -5)
  assert.equal(await (await tasks.named.applyAsync([], { kwargs: { a: 5, b: 2 } })).get(GET), 3)
})

test('a task with load is loaded in the child and nowhere else', async () => {
  assert.equal(await (await tasks.heavy.delay('abc')).get(GET), 'ABC')
  assert.ok(!('heavyIsLoaded' in globalThis))
})

test('a child knows no URL', async () => {
  assert.deepEqual(await (await tasks.environment.delay()).get(GET), { broker: null, backend: null })
})

test('a task sends a task, which the worker publishes as its child', async () => {
  const parent = await tasks.sends.delay(4)
  const childId = await parent.get(GET)
  assert.equal(await app.result(childId).get(GET), 5)
})

test('a result cannot be awaited inside a task', async () => {
  assert.match((await failure(tasks.waits.delay())).stack ?? '', /CAROM_RESULT_INSIDE_TASK|inside a task/)
})

test('a failure arrives with its name, message, stack and cause', async () => {
  const error = await failure(tasks.fails.delay())
  assert.equal(error.name, 'TypeError')
  assert.equal(error.message, 'no such thing')
  assert.match(error.stack ?? '', /fixtures\/tasks\.js/)
  assert.equal((error.cause as Error).name, 'RangeError')
  assert.equal((error.cause as Error).message, 'the reason')
})

for (const [what, message] of [
  ['string', /a plain string/],
  ['null', /null was thrown/],
  ['undefined', /undefined was thrown/],
  ['getters', /without a message/],
] as const) {
  test(`a task that throws ${what} fails with a text`, async () => {
    assert.match((await failure(tasks.throws.delay(what))).message, message)
  })
}

for (const [what, code, text] of [
  ['function', 'CAROM_RESULT_UNENCODABLE', /result\.part\[0\]/],
  ['symbol', 'CAROM_RESULT_UNENCODABLE', /symbol/],
  ['cycle', 'CAROM_RESULT_UNENCODABLE', /result\.self/],
  ['map', 'CAROM_RESULT_UNENCODABLE', /Map/],
  ['huge', 'CAROM_RESULT_TOO_LARGE', /bytes/],
] as const) {
  test(`a result with a ${what} fails its task with ${code}`, async () => {
    const error = await failure(tasks.gives.delay(what))
    assert.equal(error.code, code)
    assert.match(error.message, text)
  })
}

for (const [what, send, text] of [
  ['exits by itself', () => tasks.exits.delay(0), /exit code 0/],
  ['leaves a rejection unhandled', () => tasks.rejectsLate.delay(), /nobody caught this/],
  ['writes garbage to the channel', () => tasks.garbage.delay(), /broke the protocol/],
] as const) {
  test(`a task that ${what} three times is given up as WorkerLostError and quarantined`, async () => {
    const result = await send()
    const error = await failure(Promise.resolve(result))
    assert.equal(error.name, 'WorkerLostError')
    assert.equal(error.code, 'CAROM_WORKER_LOST')
    assert.match(error.message, text)
    assert.match(error.message, /crash 3 of 3/)
    const { facts } = error as { facts?: Record<string, unknown> }
    assert.deepEqual(Object.keys(facts ?? {}).sort(), ['exitCode', 'killedBy', 'pid', 'signal'])
  })
}

test('a task whose child dies twice runs a third time, and succeeds', async () => {
  const result = await tasks.diesTimes.delay(2)
  assert.equal(await result.get(GET), 3)
  assert.deepEqual(
    ledger(result.id).map(({ attempt }) => attempt),
    [1, 2, 3],
  )
})

test('a task that expires before it starts is revoked and never runs', async () => {
  const result = await tasks.noted.applyAsync([0], { expires: new Date(Date.now() - 1_000) })
  assert.equal((await failure(Promise.resolve(result))).code, 'CAROM_TASK_EXPIRED')
  assert.deepEqual(ledger(result.id), [])
})

test('a task with a countdown does not start before it is due', async () => {
  const sentAtMs = Date.now()
  const result = await tasks.noted.applyAsync([0], { countdownMs: 400 })
  await result.get(GET)
  const waitedMs = Date.now() - sentAtMs
  assert.ok(waitedMs >= 400 && waitedMs < 2_000, `started after ${waitedMs} ms`)
})

test('a task that ignores its result runs and stores nothing', async () => {
  const result = await tasks.quiet.delay()
  await until(() => ledger(result.id).length === 1, { what: 'the quiet task has run' })
  await (await tasks.add.delay(1, 1)).get(GET)
  assert.equal(await result.state(), 'PENDING')
})

test('an id that is sent again has the one result, though its task runs again', async () => {
  const first = await tasks.noted.applyAsync([1], { taskId: 'again' })
  assert.equal(await first.get(GET), 1)
  const second = await tasks.noted.applyAsync([2], { taskId: 'again' })
  await until(() => ledger('again').filter(({ event }) => event === 'END').length === 2, { what: 'it has run again' })
  await until(async () => (await claimed()) === 0, { what: 'its outcome is settled' })
  assert.deepEqual([await first.get(GET), await second.get(GET)], [1, 1])
})

test('a task that kills its children does not keep good tasks from running', async () => {
  const poison = await tasks.exits.delay(1)
  const good = await tasks.add.applyMany(Array.from({ length: 200 }, (_, index) => [index, 1] as [number, number]))
  const sums = await Promise.all(good.map((result) => result.get(GET)))
  assert.deepEqual(
    sums,
    Array.from({ length: 200 }, (_, index) => index + 1),
  )
  assert.equal((await failure(Promise.resolve(poison))).code, 'CAROM_WORKER_LOST')
})
