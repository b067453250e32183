import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { Carom } from '../../src/app/app.ts'
import { APP } from '../../src/app/internals.ts'
import type { CaromError } from '../../src/errors.ts'
import { createApp } from './desk.ts'

function runner(app: Carom, name: string) {
  const task = app[APP].tasks.get(name)
  assert.ok(task !== undefined)
  // A promise as the worker's child makes one: of a value, or of what was thrown at once.
  return async (args: unknown[], kwargs: Record<string, unknown> = {}) => task.run(args, kwargs)
}

test('a positional task is run with its arguments', async (t) => {
  const app = createApp(t)
  app.task('shop.join', (...parts: string[]) => parts.join('-'))
  assert.equal(await runner(app, 'shop.join')(['a', 'b']), 'a-b')
  await assert.rejects(runner(app, 'shop.join')([], { a: 1 }), { code: 'CAROM_KWARGS_REFUSED' })
})

test('a task with argNames is run with arguments by position, by name, and both', async (t) => {
  const app = createApp(t)
  app.task('shop.join', { argNames: ['a', 'b', 'c'] }, (a: string, b = 'B', c = 'C') => a + b + c)
  const run = runner(app, 'shop.join')
  assert.equal(await run(['a', 'b', 'c']), 'abc')
  assert.equal(await run([], { c: 'c', a: 'a' }), 'aBc')
  assert.equal(await run(['a'], { c: 'c' }), 'aBc')
  await assert.rejects(run([], { a: 'a', z: 1 }), { code: 'CAROM_ARGUMENTS_INVALID', message: /no argument "z"/ })
  await assert.rejects(run(['a'], { a: 'b' }), { code: 'CAROM_ARGUMENTS_INVALID', message: /by position and by name/ })
})

test('a task with input is run with what the schema makes of the keyword arguments', async (t) => {
  const app = createApp(t)
  const input = z.object({ to: z.string().transform(async (to) => to.toUpperCase()), times: z.number().default(2) })
  app.task('mail.send', { input }, ({ to, times }) => to.repeat(times))
  const run = runner(app, 'mail.send')
  assert.equal(await run([], { to: 'ada' }), 'ADAADA')
  await assert.rejects(run([], { to: 5 }), (error: CaromError) => {
    assert.equal(error.code, 'CAROM_ARGUMENTS_INVALID')
    assert.match(error.message, /to: /)
    return true
  })
  await assert.rejects(run([{ to: 'ada' }]), { code: 'CAROM_ARGUMENTS_INVALID', message: /got 1 positional/ })
})

test('what a task throws is what its run rejects with, also when it throws at once', async (t) => {
  const app = createApp(t)
  const boom = new Error('boom')
  app.task('shop.boom', () => {
    throw boom
  })
  await assert.rejects(runner(app, 'shop.boom')([]), (error) => error === boom)
})

test('the internals of an app say what a worker needs', (t) => {
  const app = createApp(t, { broker: 'memory:a', queue: 'everyday' })
  const init = () => {}
  app.onChildInit(init)
  app.task(
    'shop.a',
    {
      queue: 'slow',
      priority: 3,
      ignoreResult: true,
      storeErrorsEvenIfIgnored: true,
      acksLate: false,
      argNames: ['a'],
    },
    (a: number) => a,
  )
  app.task('shop.b', () => 1)
  app.remoteTask('far.away')
  const { name, defaultQueue, brokerUrl, resultBackendUrl, childInits, tasks } = app[APP]
  assert.deepEqual([name, defaultQueue, brokerUrl, resultBackendUrl], ['shop', 'everyday', 'memory:a', 'memory:a'])
  assert.deepEqual(childInits, [init])
  assert.deepEqual([...tasks.keys()], ['shop.a', 'shop.b'])
  assert.deepEqual(tasks.get('shop.a')?.settings, {
    queue: 'slow',
    priority: 3,
    ignoreResult: true,
    storeErrorsEvenIfIgnored: true,
    serializer: null,
    compression: null,
    acksLate: false,
    maxCrashes: 3,
    argNames: ['a'],
  })
  assert.deepEqual(tasks.get('shop.b')?.settings, {
    queue: null,
    priority: null,
    ignoreResult: false,
    storeErrorsEvenIfIgnored: false,
    serializer: null,
    compression: null,
    acksLate: true,
    maxCrashes: 3,
    argNames: null,
  })
  assert.throws(() => app.onChildInit('no' as never), TypeError)
})
