import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { Carom } from '../../src/app/app.ts'
import type { CaromError } from '../../src/errors.ts'
import { createApp } from './desk.ts'

const METHODS = ['taskName', 'delay', 'applyAsync', 'applyMany', 's']

test('app.task() gives back the same function, which is still the plain function it was', (t) => {
  function add(a: number, b: number) {
    return a + b
  }
  const task = createApp(t).task('shop.add', add)
  assert.equal(task, add)
  assert.equal(task(2, 3), 5)
  assert.equal(task.call(null, 2, 3), 5)
  assert.equal(task.apply(null, [2, 3]), 5)
  assert.equal(task.bind(null, 2)(3), 5)
  assert.equal(task.length, 2)
  assert.equal(task.name, 'add')
  assert.deepEqual(Object.keys(task), [])
  for (const method of ['call', 'apply', 'bind', 'length', 'toString']) {
    assert.equal(Object.hasOwn(task, method), method === 'length', method)
  }
  assert.equal(task.taskName, 'shop.add')
  assert.deepEqual(
    METHODS.filter((method) => !Object.hasOwn(task, method)),
    [],
  )
})

test('a task with load is an async function that loads once, and again only after a failure', async (t) => {
  let loads = 0
  const task = createApp(t).task('shop.thumb', {
    load: async () => {
      loads += 1
      if (loads === 1) throw new Error('disk asleep')
      return { default: (width: number) => width * 2 }
    },
  })
  assert.equal(loads, 0)
  await assert.rejects(task(4), /disk asleep/)
  assert.deepEqual(await Promise.all([task(4), task(5)]), [8, 10])
  assert.equal(loads, 2)
})

test('a task with load whose module has no function as default export says so', async (t) => {
  const task = createApp(t).task('shop.thumb', { load: async () => ({ default: 5 as unknown as () => number }) })
  await assert.rejects(task(), { name: 'TypeError', message: /"shop.thumb": the default export .* not a function/ })
})

test('a remote task can be sent and not called', (t) => {
  const task = createApp(t).remoteTask<(month: string) => { url: string }>('reports.build', { queue: 'python' })
  assert.equal(typeof task, 'object')
  assert.equal(task.taskName, 'reports.build')
})

test('app.task() refuses a second task of one name with CAROM_TASK_DUPLICATE', (t) => {
  const app = createApp(t)
  app.task('shop.add', () => 1)
  app.remoteTask('shop.far')
  for (const name of ['shop.add', 'shop.far']) {
    const refused = (error: CaromError) => error.code === 'CAROM_TASK_DUPLICATE' && error.message.includes(`"${name}"`)
    assert.throws(() => app.task(name, () => 2), refused)
    assert.throws(() => app.remoteTask(name), refused)
  }
})

test('app.task() refuses the same function twice and names the task it is', (t) => {
  const app = createApp(t)
  const add = app.task('shop.add', (a: number) => a)
  const twice = { code: 'CAROM_TASK_DUPLICATE', message: /as task "shop.more": it is task "shop.add" already/ }
  assert.throws(() => app.task('shop.more', add), twice)
  assert.throws(() => createApp(t).task('shop.more', add), twice)
  assert.equal(add.taskName, 'shop.add')
})

test('app.task() refuses a function that it could not extend without changing it', (t) => {
  const app = createApp(t)
  const delayed = Object.assign(() => 1, { delay: 5 })
  assert.throws(() => app.task('shop.delayed', delayed), { name: 'TypeError', message: /its own delay/ })
  assert.throws(
    () =>
      app.task(
        'shop.frozen',
        Object.freeze(() => 1),
      ),
    { name: 'TypeError', message: /frozen/ },
  )
  assert.doesNotThrow(() => app.task('shop.frozen', () => 1), 'a refused task leaves its name free')
})

test('app.task() refuses options that are unknown, wrong or senseless together, and names them', (t) => {
  const app = createApp(t)
  const input = z.object({ a: z.number() })
  const load = async () => ({ default: () => 1 })
  const refusals: [options: object, error: typeof TypeError, message: RegExp][] = [
    [{ retires: 3, timeLimit: 5 }, TypeError, /Unknown option of task "shop.t": "retires", "timeLimit"/],
    [{ queue: 5 }, TypeError, /queue of task "shop.t" to 5: expected 1 to 200 printable/],
    [{ queue: 'two words' }, RangeError, /queue .* to 'two words'/],
    [{ priority: '5' }, TypeError, /priority .* an integer from 0 to 9/],
    [{ priority: 10 }, RangeError, /priority .* to 10: expected an integer from 0 to 9/],
    [{ priority: 2.5 }, RangeError, /priority .* to 2.5/],
    [{ ignoreResult: 1 }, TypeError, /ignoreResult .* to 1: expected true or false/],
    [{ acksLate: 'no' }, TypeError, /acksLate/],
    [{ maxCrashes: 0 }, RangeError, /maxCrashes .* to 0: expected an integer from 1 to 100/],
    [{ maxCrashes: 3, acksLate: false }, TypeError, /maxCrashes .* with acksLate false/],
    [{ argNames: 'a' }, TypeError, /argNames/],
    [{ argNames: ['a', 'a'] }, TypeError, /argNames .* different/],
    [{ argNames: ['a'] }, TypeError, /argNames .* to 1 names: the function declares 2 arguments/],
    [{ argNames: ['a', 'b'], input }, TypeError, /argNames .* together with input/],
    [{ input: { type: 'object' } }, TypeError, /input .* a Standard Schema/],
    [{ load }, TypeError, /both load and a function/],
  ]
  for (const [options, kind, message] of refusals) {
    assert.throws(
      () => app.task('shop.t', options, (a: number, b: number) => a + b),
      (error: Error) => {
        assert.match(error.message, message)
        assert.equal(error.constructor, kind, error.message)
        return true
      },
    )
  }
  assert.throws(
    () => app.task('shop.t', {} as never),
    /function of task "shop.t" to undefined: expected a function, or load/,
  )
  assert.throws(
    () => app.remoteTask('shop.t', { acksLate: true } as object),
    /Unknown option of remote task .*"acksLate"/,
  )
  assert.doesNotThrow(() => app.task('shop.t', { queue: undefined, maxCrashes: 2 }, () => 1))
})

test('names of apps and tasks are checked with the rule in the message', (t) => {
  const app = createApp(t)
  for (const name of ['', 'a b', 'ä', 'x'.repeat(256), 'a/b']) {
    assert.throws(() => app.task(name, () => 1), { name: 'RangeError', message: /name of a task .* 1 to 255 letters/ })
  }
  assert.throws(() => app.task(5 as never, () => 1), TypeError)
  assert.throws(() => app.remoteTask(''), RangeError)
  for (const name of ['', '.hidden', 'a/b', 'x'.repeat(65)]) assert.throws(() => new Carom(name), RangeError)
  assert.throws(() => new Carom(undefined as never), TypeError)
})

test('new Carom() refuses options that are unknown or wrong, and names them', () => {
  const refusals: [options: object, message: RegExp][] = [
    [{ brokr: 'memory:' }, /Unknown option of app "shop": "brokr"/],
    [{ broker: '' }, /broker of app "shop"/],
    [{ resultBackend: 5 }, /resultBackend/],
    [{ queue: '' }, /queue/],
    [{ maxBodyBytes: 0 }, /maxBodyBytes/],
  ]
  for (const [options, message] of refusals) assert.throws(() => new Carom('shop', options), { message })
})
