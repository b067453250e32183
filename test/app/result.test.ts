import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { runInContext } from '../../src/job/context.ts'
import { AsyncResult } from '../../src/results/async-result.ts'
import { until } from '../support/wait.ts'
import { createApp, memoryUrl, openDesk } from './desk.ts'

const folder = mkdtempSync(join(tmpdir(), 'carom-result-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const STORES: Readonly<Record<string, () => string>> = {
  memory: () => memoryUrl(),
  embedded: () => `embedded:${join(mkdtempSync(join(folder, 'store-')), 'shop.sqlite')}?durability=process`,
}

for (const [store, urlFor] of Object.entries(STORES)) {
  test(`${store}: get() wakes with what the task returned, Dates and bytes as such`, async (t) => {
    const { sent, desk } = await sendOne(t, urlFor())
    const value = {
      at: new Date('2025-01-02T03:04:05.678Z'),
      bytes: new Uint8Array([1, 2]),
      big: 2n ** 60n,
      nan: Number.NaN,
    }
    const waiting = sent.get({ timeoutMs: 5_000 })
    await desk.succeed(await desk.next(), value)
    assert.deepEqual(await waiting, value)
    assert.deepEqual(await sent.get({ timeoutMs: 0 }), value, 'what is there already is there at once')
  })

  test(`${store}: state(), ready() and meta() tell what is stored, forget() deletes it`, async (t) => {
    const { app, sent, desk } = await sendOne(t, urlFor())
    assert.equal(await sent.state(), 'PENDING')
    assert.equal(await sent.ready(), false)
    const nothing = { state: 'PENDING', value: undefined, error: undefined, traceback: null, children: [] }
    assert.deepEqual(await sent.meta(), {
      id: sent.id,
      ...nothing,
      parentId: null,
      groupId: null,
      doneAt: null,
      call: null,
    })
    const delivery = await desk.next()
    await desk.settle(delivery, { result: Buffer.from('5'), children: ['c'], parentId: 'p', doneAtMs: 1_000 })
    assert.equal(await sent.state(), 'SUCCESS')
    assert.equal(await sent.ready(), true)
    const known = { ...nothing, state: 'SUCCESS', value: 5, children: ['c'], parentId: 'p', doneAt: new Date(1_000) }
    assert.deepEqual(await app.result(sent.id).meta(), { id: sent.id, ...known, groupId: null, call: null })
    await sent.forget()
    assert.equal(await sent.state(), 'PENDING')
  })
}

test('an AsyncResult is no promise: an async function that returns it does not wait for the task', async (t) => {
  const { sent } = await sendOne(t, memoryUrl())
  assert.ok(sent instanceof AsyncResult)
  assert.equal('then' in sent, false)
  assert.equal(await (async () => sent)(), sent)
})

test('app.result() gives a handle on a task that another app sent', async (t) => {
  const url = memoryUrl()
  const { sent, desk } = await sendOne(t, url)
  const waiting = createApp(t, { broker: url }).result<number>(sent.id).get({ timeoutMs: 5_000 })
  await desk.succeed(await desk.next(), 7)
  assert.equal(await waiting, 7)
  assert.throws(() => createApp(t).result(''), { name: 'RangeError', message: /the id of a result to ''/ })
})

test('get() gives up with a ResultTimeoutError that names task, state and what to check', async (t) => {
  const { sent, desk } = await sendOne(t, memoryUrl())
  const startedMs = performance.now()
  const expected = {
    name: 'ResultTimeoutError',
    code: 'CAROM_RESULT_TIMEOUT',
    taskId: sent.id,
    state: 'PENDING',
    queue: 'shop',
  }
  await assert.rejects(sent.get({ timeoutMs: 30 }), (error: Error) => {
    const { name, code, taskId, state, queue } = error as unknown as typeof expected
    assert.deepEqual({ name, code, taskId, state, queue }, expected)
    assert.match(
      error.message,
      /Task "shop.t" \(.*\) has no result after 30 ms, its state is PENDING: .* a worker serves queue "shop"/,
    )
    return true
  })
  assert.ok(performance.now() - startedMs < 1_000)
  await desk.succeed(await desk.next(), 1)
  assert.equal(await sent.get(), 1, 'the task itself went on')
})

test('get() refuses options that are unknown or out of range', async (t) => {
  const { sent } = await sendOne(t, memoryUrl())
  for (const timeoutMs of [-1, Number.NaN, Infinity, 2 ** 31]) {
    await assert.rejects(sent.get({ timeoutMs }), {
      name: 'RangeError',
      message: /timeoutMs of get\(\) to .* from 0 to 2147483647/,
    })
  }
  for (const timeoutMs of ['5s', '5', null])
    await assert.rejects(sent.get({ timeoutMs: timeoutMs as never }), TypeError)
  await assert.rejects(sent.get({ timeout: 5 } as object), { name: 'TypeError', message: /Unknown option "timeout"/ })
})

test('get() ends early when its signal is aborted, with the reason of the signal', async (t) => {
  const { sent } = await sendOne(t, memoryUrl())
  const reason = new Error('the user left')
  const ending = new AbortController()
  const waiting = sent.get({ signal: ending.signal })
  ending.abort(reason)
  await assert.rejects(waiting, (error) => error === reason)
  await assert.rejects(sent.get({ signal: ending.signal }), (error) => error === reason)
})

test('get() inside a task is refused with CAROM_RESULT_INSIDE_TASK, looking is not', async (t) => {
  const { sent } = await sendOne(t, memoryUrl())
  const signal = new AbortController().signal
  const job = { id: 'job', signal, progress: () => {}, checkDeadline: () => {} }
  const task = { ...job, id: 'outer', name: 'shop.outer', queue: 'shop', attempt: 1, headers: {} }
  await runInContext(task, async () => {
    await assert.rejects(sent.get(), { code: 'CAROM_RESULT_INSIDE_TASK', taskId: sent.id })
    assert.equal(await sent.state(), 'PENDING')
  })
  // A job of a pool that the user runs is no task of a worker.
  await runInContext(job, () => assert.rejects(sent.get({ timeoutMs: 1 }), { code: 'CAROM_RESULT_TIMEOUT' }))
})

test('get() on a result that is not stored says so at once', async (t) => {
  const app = createApp(t)
  const quiet = app.task('shop.quiet', { ignoreResult: true }, () => 1)
  const loud = app.task('shop.loud', () => 1)
  const ignored = { code: 'CAROM_RESULT_IGNORED', message: /"shop.(quiet|loud)" .* stores no result/ }
  await assert.rejects((await quiet.delay()).get(), ignored)
  await assert.rejects((await loud.applyAsync([], { ignoreResult: true })).get(), ignored)
  await assert.rejects((await quiet.applyAsync([], { ignoreResult: false })).get({ timeoutMs: 1 }), {
    code: 'CAROM_RESULT_TIMEOUT',
  })
})

test('closing the app ends every get() that waits, however many there are', async (t) => {
  const warnings: Error[] = []
  const keep = (warning: Error) => warnings.push(warning)
  process.on('warning', keep)
  t.after(() => process.off('warning', keep))
  const { app, sent } = await sendOne(t, memoryUrl())
  const waiting = Array.from({ length: 50 }, () => sent.get())
  const refused = Promise.all(waiting.map((get) => assert.rejects(get, { code: 'CAROM_APP_CLOSED' })))
  await until(() => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length >= 50, {
    what: 'all wait',
  })
  await app.close()
  await refused
  await assert.rejects(sent.get(), { code: 'CAROM_APP_CLOSED', message: /App "shop" is closed/ })
  await assert.rejects(sent.state(), { code: 'CAROM_APP_CLOSED' })
  // Warnings are emitted in a turn of their own.
  await setImmediate()
  assert.deepEqual(warnings, [])
})

async function sendOne(t: TestContext, broker: string) {
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const task = app.task('shop.t', () => 1 as unknown)
  return { app, desk, sent: await task.delay() }
}
