import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { bodyOf, createApp, memoryUrl, openDesk } from './desk.ts'

test("a signature is Celery's signature dict in JSON", (t) => {
  const app = createApp(t)
  const add = app.task('shop.add', (a: number, b: number) => a + b)
  const mail = app.task('mail.send', { input: z.object({ to: z.string() }) }, () => 1)
  assert.deepEqual(JSON.parse(JSON.stringify(add.s(2, 3))), {
    task: 'shop.add',
    args: [2, 3],
    kwargs: {},
    options: {},
    subtask_type: null,
    immutable: false,
  })
  assert.deepEqual(mail.s({ to: 'ada' }).toJSON().kwargs, { to: 'ada' })
  const expires = new Date('2025-01-02T03:04:05Z')
  const every = {
    countdownMs: 1_500,
    expires,
    queue: 'q',
    priority: 2,
    timeLimitMs: 90_000,
    softTimeLimitMs: 1_500,
    taskId: 'id',
    headers: { x: 1 },
    ignoreResult: true,
    serializer: 'msgpack',
    compression: 'gzip',
  } as const
  assert.deepEqual(add.s(2, 3).set(every).toJSON().options, {
    task_id: 'id',
    queue: 'q',
    priority: 2,
    time_limit: 90,
    soft_time_limit: 1.5,
    countdown: 1.5,
    expires: '2025-01-02T03:04:05.000000+00:00',
    headers: { x: 1 },
    ignore_result: true,
    serializer: 'msgpack',
    compression: 'gzip',
  })
  assert.deepEqual(add.s(2, 3).set({ compression: 'none' }).toJSON().options, { compression: null })
})

test('a signature is immutable: set() gives a new one, and the later of two options that exclude each other counts', (t) => {
  const add = createApp(t).task('shop.add', (a: number, b: number) => a + b)
  const plain = add.s(2, 3)
  const later = plain.set({ countdownMs: 5, queue: 'slow' })
  const eta = new Date()
  assert.deepEqual(plain.options, {})
  assert.deepEqual(later.set({ eta }).options, { queue: 'slow', eta })
  assert.deepEqual(later.set({ eta }).set({ countdownMs: 7 }).options, { queue: 'slow', countdownMs: 7 })
  const limited = plain.set({ timeLimitMs: 10 })
  assert.throws(() => limited.set({ softTimeLimitMs: 10 }), RangeError)
  assert.deepEqual(limited.set({ softTimeLimitMs: 9 }).options, { timeLimitMs: 10, softTimeLimitMs: 9 })
  assert.throws(() => Object.assign(plain, { task: 'other' }), TypeError)
  assert.throws(() => (plain.args as number[]).push(4), TypeError)
  assert.throws(() => Object.assign(later.options, { queue: 'x' }), TypeError)
})

test('a signature sends itself with its options, and again as another call', async (t) => {
  const broker = memoryUrl()
  const desk = await openDesk(t, broker, ['shop', 'slow'])
  const add = createApp(t, { broker }).task('shop.add', (a: number, b: number) => a + b)
  const signature = add.s(2, 3).set({ queue: 'slow' })

  const first = await signature.delay()
  const second = await signature.applyAsync({ queue: 'shop', headers: { x: 1 } })

  assert.notEqual(first.id, second.id)
  const [one, two] = [await desk.next(), await desk.next()]
  const byId = new Map([one, two].map((delivery) => [delivery.message.headers.id, delivery]))
  assert.equal(byId.get(first.id)?.queue, 'slow')
  assert.equal(byId.get(second.id)?.queue, 'shop')
  assert.equal(byId.get(second.id)?.message.headers.x, 1)
  assert.deepEqual(bodyOf(one).args, [2, 3])
})
