import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { openBroker } from '../../src/brokers/open.ts'
import { type CaromError, isCaromError } from '../../src/errors.ts'
import { createApp, memoryUrl } from './desk.ts'

/** An app, and the proof that nothing was sent by it. */
async function guardedApp(t: TestContext, maxBodyBytes?: number) {
  const broker = memoryUrl()
  const store = await openBroker(broker, { appName: 'shop' })
  t.after(() => store.close())
  return {
    app: createApp(t, { broker, maxBodyBytes }),
    assertNothingSent: async () => assert.deepEqual(await store.depths(), []),
  }
}

test('keyword arguments to a task without argNames fail with CAROM_KWARGS_REFUSED, which names both ways out', async (t) => {
  const { app, assertNothingSent } = await guardedApp(t)
  const add = app.task('shop.add', (a: number, b: number) => a + b)
  const byName = { kwargs: { a: 1, b: 2 } } as object
  await assert.rejects(add.applyAsync([0, 0], byName), (error: CaromError) => {
    assert.equal(error.code, 'CAROM_KWARGS_REFUSED')
    assert.match(error.message, /"shop.add" .* "a", "b" by name: declare argNames .* or input/)
    assert.equal(error.task, 'shop.add')
    return true
  })
  await assertNothingSent()
})

test('keyword arguments that do not fit argNames fail with CAROM_ARGUMENTS_INVALID', async (t) => {
  const { app, assertNothingSent } = await guardedApp(t)
  const add = app.task('shop.add', { argNames: ['a', 'b'] }, (a: number, b: number) => a + b)
  const calls: [args: unknown[], kwargs: object, message: RegExp][] = [
    [[], { a: 1, c: 2 }, /no argument "c", only "a", "b"/],
    [[1], { a: 1 }, /argument "a" is given by position and by name/],
  ]
  for (const [args, kwargs, message] of calls) {
    await assert.rejects(add.applyAsync(args as never, { kwargs } as object), {
      code: 'CAROM_ARGUMENTS_INVALID',
      message,
    })
  }
  await assert.rejects(add.applyAsync([], { kwargs: [1] } as object as never), TypeError)
  await assert.rejects(add.applyAsync(5 as never), { name: 'TypeError', message: /arguments of task "shop.add" to 5/ })
  await assertNothingSent()
})

test('arguments without a form on the wire fail with CAROM_ARGUMENTS_UNENCODABLE, which names task and path', async (t) => {
  const { app, assertNothingSent } = await guardedApp(t)
  const task = app.task('shop.any', (...values: unknown[]) => values.length)
  const mail = app.task('mail.send', { input: z.looseObject({}) }, () => 1)
  const cycle: { self?: object } = {}
  cycle.self = cycle
  const unsendable: [send: () => Promise<unknown>, path: string][] = [
    [() => task.delay(1, { deep: [0, { fn: () => 1 }] }), 'args[1].deep[1].fn'],
    [() => task.delay(Symbol('x')), 'args[0]'],
    [() => task.delay(new Map()), 'args[0]'],
    [() => task.delay(cycle), 'args[0].self'],
    [() => task.delay(new Date(Number.NaN)), 'args[0]'],
    [() => task.delay(undefined, 1), 'args[0]'],
    [() => mail.delay({ to: new Set() }), 'kwargs.to'],
    [() => task.applyAsync([], { headers: { fn: () => 1 } }), 'headers.fn'],
  ]
  for (const [send, path] of unsendable) {
    await assert.rejects(send(), (error: CaromError) => {
      assert.equal(error.code, 'CAROM_ARGUMENTS_UNENCODABLE', error.stack)
      assert.equal(error.path, path)
      assert.match(error.message, /^Cannot send task "(shop.any|mail.send)": look at /)
      assert.ok(error.message.includes(path), error.message)
      return true
    })
  }
  await assertNothingSent()
})

test('input that its schema refuses fails with CAROM_ARGUMENTS_INVALID and the issues', async (t) => {
  const { app, assertNothingSent } = await guardedApp(t)
  const input = z.object({ to: z.email(), lines: z.array(z.object({ n: z.number() })) })
  const mail = app.task('mail.send', { input }, () => 1)
  await assert.rejects(mail.delay({ to: 'ada', lines: [{ n: 'x' as unknown as number }] }), (error: CaromError) => {
    assert.equal(error.code, 'CAROM_ARGUMENTS_INVALID')
    assert.match(error.message, /"mail.send" is not valid: to: .*; lines\.0\.n: /)
    const issues = error.issues as { message: string; path: unknown[] }[]
    assert.deepEqual(
      issues.map(({ path }) => path),
      [['to'], ['lines', 0, 'n']],
    )
    return true
  })
  for (const wrong of [5, null, undefined, 'x', [1], new Date(), new Uint8Array(1)]) {
    await assert.rejects(mail.delay(wrong as never), {
      code: 'CAROM_ARGUMENTS_INVALID',
      message: /takes one plain object/,
    })
  }
  await assert.rejects((mail.delay as (...args: unknown[]) => Promise<unknown>)({}, {}), /given 2 arguments/)
  await assertNothingSent()
})

test('arguments over maxBodyBytes fail with CAROM_ARGUMENTS_TOO_LARGE; the default is 16 MiB', async (t) => {
  const small = await guardedApp(t, 1_000)
  const task = small.app.task('shop.any', (value: string) => value)
  await assert.rejects(task.delay('x'.repeat(1_000)), (error: CaromError) => {
    assert.equal(error.code, 'CAROM_ARGUMENTS_TOO_LARGE')
    assert.equal(error.maxBodyBytes, 1_000)
    assert.match(error.message, /"shop.any" take 1\d\d\d bytes, more than the 1000/)
    return true
  })
  await small.assertNothingSent()
  const { app, assertNothingSent } = await guardedApp(t)
  const large = app.task('shop.large', (value: string) => value)
  await assert.rejects(large.delay('x'.repeat(16 * 1024 * 1024)), { code: 'CAROM_ARGUMENTS_TOO_LARGE' })
  await assertNothingSent()
  await large.delay('x'.repeat(16 * 1024 * 1024 - 200))
})

test('options of a call that are misused fail as TypeError or RangeError, with the value and the rule', async (t) => {
  const { app, assertNothingSent } = await guardedApp(t)
  const task = app.task('shop.t', () => 1)
  const day = new Date()
  const misuses: [options: object, kind: string, message: RegExp][] = [
    [{ countdown: 5 }, 'TypeError', /Unknown option of task "shop.t": "countdown". Known are countdownMs, eta/],
    [
      { countdownMs: Number.NaN },
      'RangeError',
      /countdownMs of task "shop.t" to NaN: expected a number of milliseconds from 0/,
    ],
    [{ countdownMs: -1 }, 'RangeError', /to -1: expected/],
    [{ countdownMs: Infinity }, 'RangeError', /to Infinity/],
    [{ countdownMs: '5s' }, 'TypeError', /to '5s'/],
    [{ expiresMs: -5 }, 'RangeError', /expiresMs .* to -5/],
    [{ eta: 1_700_000_000 }, 'TypeError', /eta .* to 1700000000: expected a Date/],
    [{ eta: new Date(Number.NaN) }, 'RangeError', /eta .* Invalid Date: expected a valid Date/],
    [{ eta: day, countdownMs: 5 }, 'TypeError', /both countdownMs and eta/],
    [{ expires: day, expiresMs: 5 }, 'TypeError', /both expiresMs and expires/],
    [{ timeLimitMs: 0 }, 'RangeError', /timeLimitMs .* to 0: expected an integer from 1 to 2147483647/],
    [{ softTimeLimitMs: '5s' }, 'TypeError', /softTimeLimitMs .* to '5s'/],
    [{ timeLimitMs: 5, softTimeLimitMs: 5 }, 'RangeError', /softTimeLimitMs .* to 5: expected less than .*\(5\)/],
    [{ priority: 11 }, 'RangeError', /priority .* to 11: expected an integer from 0 to 9/],
    [{ priority: -1 }, 'RangeError', /to -1/],
    [{ priority: 1.5 }, 'RangeError', /to 1.5/],
    [{ taskId: '' }, 'RangeError', /taskId .* to '': expected 1 to 255 printable ASCII/],
    [{ taskId: 'a b' }, 'RangeError', /to 'a b'/],
    [{ taskId: 5 }, 'TypeError', /to 5/],
    [{ queue: 'ä' }, 'RangeError', /queue/],
    [{ headers: [] }, 'TypeError', /headers .* expected an object/],
    [{ headers: { task: 'x' } }, 'TypeError', /header "task"/],
    [{ ignoreResult: 'no' }, 'TypeError', /ignoreResult .* true or false/],
  ]
  for (const [options, name, message] of misuses) {
    await assert.rejects(task.applyAsync([], options), { name, message }, JSON.stringify(options))
    if (!('headers' in options)) assert.throws(() => task.s().set(options), { name, message })
  }
  for (const calls of [undefined, 3, {}]) {
    await assert.rejects(task.applyMany(calls as never), /Cannot set the calls of applyMany\(\) .*: expected a list/)
  }
  await assert.rejects(task.applyMany([[]], { taskId: 'x' } as object), /Unknown option of applyMany\(\) .*"taskId"/)
  await assert.rejects(task.applyAsync([], 5 as never), TypeError)
  await assertNothingSent()
  await task.applyAsync([], { countdownMs: undefined, queue: undefined })
})

test('isCaromError() knows these errors by their code', async (t) => {
  const { app } = await guardedApp(t)
  const task = app.task('shop.any', (value: unknown) => value)
  const error = await task.delay(() => 1).catch((thrown: unknown) => thrown)
  assert.equal(isCaromError(error, 'CAROM_ARGUMENTS_UNENCODABLE'), true)
  assert.equal(isCaromError(error, 'CAROM_ARGUMENTS_INVALID'), false)
})
