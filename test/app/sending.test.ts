import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { bodyOf, createApp, memoryUrl, openDesk } from './desk.ts'

test('task.delay() sends a message to the default queue of the app, and what arrives is what was sent', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const save = app.task('shop.save', (at: Date, bytes: Uint8Array, big: bigint | number, note?: string) => [
    at,
    bytes,
    big,
    note,
  ])
  const at = new Date('2025-01-02T03:04:05.678Z')

  const result = await save.delay(at, new Uint8Array([1, 2]), 2n ** 60n)

  const delivery = await desk.next()
  const { headers, properties } = delivery.message
  assert.equal(delivery.queue, 'shop')
  assert.equal(headers.task, 'shop.save')
  assert.equal(headers.id, result.id)
  assert.match(result.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.equal(headers.root_id, result.id)
  assert.equal(headers.parent_id, null)
  assert.equal(headers.eta, null)
  assert.equal(headers.ignore_result, false)
  assert.equal(properties.priority, 0)
  assert.deepEqual(bodyOf(delivery).args, [at, new Uint8Array([1, 2]), 2n ** 60n])
  assert.deepEqual(bodyOf(delivery).kwargs, {})
})

test('a task is sent with its own settings, which a call overrules', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker, queue: 'everyday' })
  const desk = await openDesk(t, broker, ['everyday', 'slow', 'fast'])
  const plain = app.task('shop.plain', () => 1)
  const slow = app.task('shop.slow', { queue: 'slow', priority: 7, ignoreResult: true }, () => 1)

  await plain.delay()
  assert.equal((await desk.next()).queue, 'everyday')
  await slow.delay()
  const asTold = await desk.next()
  assert.deepEqual([asTold.queue, asTold.message.properties.priority], ['slow', 7])
  assert.equal(asTold.message.headers.ignore_result, true)
  await slow.applyAsync([], {
    queue: 'fast',
    priority: 2,
    ignoreResult: false,
    taskId: 'my-own',
    headers: { trace: 'x1' },
  })
  const overruled = await desk.next()
  assert.deepEqual([overruled.queue, overruled.message.properties.priority], ['fast', 2])
  assert.equal(overruled.message.headers.ignore_result, false)
  assert.equal(overruled.message.headers.id, 'my-own')
  assert.equal(overruled.message.headers.trace, 'x1')
})

test('a call with countdownMs waits in the store', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const task = app.task('shop.later', (n: number) => n)

  await task.applyAsync([1], { countdownMs: 60_000 })
  await task.applyAsync([2], { countdownMs: 0 })

  assert.deepEqual(bodyOf(await desk.next()).args, [2])
})

test('task.applyMany() sends every call in order and gives a handle for each', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker, ['bulk'])
  const add = app.task('shop.add', (a: number, b: number) => a + b)

  const results = await add.applyMany(
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    { queue: 'bulk' },
  )

  const deliveries = [await desk.next(), await desk.next(), await desk.next()]
  assert.deepEqual(
    deliveries.map((delivery) => bodyOf(delivery).args),
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  )
  assert.deepEqual(
    deliveries.map(({ message }) => message.headers.id),
    results.map(({ id }) => id),
  )
  assert.deepEqual(await add.applyMany([]), [])
})

test('one call that cannot be sent keeps all of task.applyMany() from being sent', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const task = app.task('shop.any', (value: unknown) => value)

  await assert.rejects(task.applyMany([[1], [() => 1]]), { code: 'CAROM_ARGUMENTS_UNENCODABLE' })
  await task.delay('last')

  assert.deepEqual(bodyOf(await desk.next()).args, ['last'])
})

test('a task with input is sent its object as keyword arguments, as the caller gave it', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const input = z.object({ to: z.string().transform((to) => to.toUpperCase()), times: z.number().default(1) })
  const mail = app.task('mail.send', { input }, ({ to, times }) => to.repeat(times))

  await mail.delay({ to: 'ada' })
  await mail.applyAsync({ to: 'bob', times: 2 }, { priority: 3 })
  await mail.applyMany([{ to: 'cy' }])

  const bodies = [bodyOf(await desk.next()), bodyOf(await desk.next()), bodyOf(await desk.next())]
  assert.deepEqual(
    bodies.map(({ args, kwargs }) => [args, { ...kwargs }]),
    [
      [[], { to: 'bob', times: 2 }],
      [[], { to: 'ada' }],
      [[], { to: 'cy' }],
    ],
  )
})

test('a schema that takes its time is waited for before anything is sent', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const input = z.object({ to: z.string().refine(async (to) => to !== 'nobody', 'is nobody') })
  const mail = app.task('mail.send', { input }, () => 1)

  await assert.rejects(mail.delay({ to: 'nobody' }), { code: 'CAROM_ARGUMENTS_INVALID', message: /to: is nobody/ })
  await mail.delay({ to: 'ada' })

  assert.deepEqual(bodyOf(await desk.next()).kwargs, { to: 'ada' })
})

test('arguments by name travel as keyword arguments', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const add = app.task('shop.add', { argNames: ['a', 'b'] }, (a: number, b = 1) => a + b)
  const report = app.remoteTask<(month: string) => string>('reports.build', { queue: 'shop' })

  await add.applyAsync([], { kwargs: { a: 2 } })
  await report.applyAsync([], { kwargs: { month: '2025-01' } })

  const [ours, theirs] = [await desk.next(), await desk.next()]
  assert.deepEqual([bodyOf(ours).args, { ...bodyOf(ours).kwargs }], [[], { a: 2 }])
  assert.deepEqual({ ...bodyOf(theirs).kwargs }, { month: '2025-01' })
  assert.equal(theirs.message.headers.ignore_result, null, 'a remote task decides for itself')
})

test('what is sent is what the arguments were when delay() was called', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const mail = app.task('mail.send', { input: z.object({ to: z.string() }) }, () => 1)
  const letter = { to: 'ada' }

  const sending = mail.delay(letter)
  letter.to = 'somebody else'
  await sending

  assert.deepEqual(bodyOf(await desk.next()).kwargs, { to: 'ada' })
})

test('arguments left out at the end are not sent', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const task = app.task('shop.opt', (a: number, b?: string, c?: string) => [a, b, c])

  await task.delay(1, undefined, undefined)

  assert.deepEqual(bodyOf(await desk.next()).args, [1])
})
