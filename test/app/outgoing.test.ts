/** This process plays a worker's child: what its tasks send can be looked at as it leaves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Carom } from '../../src/app/app.ts'
import { enterChild } from '../../src/app/inside.ts'
import type { Outgoing } from '../../src/brokers/broker.ts'
import { runInContext } from '../../src/job/context.ts'
import type { CurrentTask } from '../../src/job.ts'
import { fromWireDate } from '../../src/message/dates.ts'

const publishes: (readonly Outgoing[])[] = []
enterChild({
  publish: async (messages) => {
    publishes.push(messages)
  },
})

// A URL that could not be opened: in a child nobody tries.
const app = new Carom('shop', { broker: 'amqp://nobody', resultBackend: 'amqp://nobody' })
const add = app.task('shop.add', (a: number, b: number) => a + b)

function insideTask<T>(headers: CurrentTask['headers'], fn: () => T): T {
  const context = {
    id: 'outer',
    name: 'shop.outer',
    queue: 'shop',
    attempt: 1,
    headers,
    signal: new AbortController().signal,
    progress: () => {},
    checkDeadline: () => {},
  }
  return runInContext(context, fn)
}

test('in a child a call goes through the worker, and the inline URLs are ignored', async () => {
  publishes.length = 0
  const result = await add.applyAsync([1, 2], { queue: 'other' })
  assert.deepEqual(
    publishes.map((messages) => messages.map(({ queue }) => queue)),
    [['other']],
  )
  assert.equal(publishes[0]?.[0]?.message.headers.id, result.id)
})

test('task.applyMany() is one publish', async () => {
  publishes.length = 0
  await add.applyMany([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  assert.deepEqual(
    publishes.map((messages) => messages.length),
    [3],
  )
  await add.applyMany([])
  assert.equal(publishes.length, 1, 'nothing to send is nothing sent')
})

test('a call knows the task that sends it, and the first one of all', async () => {
  publishes.length = 0
  await insideTask({ root_id: 'first' }, () => add.delay(1, 2))
  await insideTask({}, () => add.delay(1, 2))
  const ancestry = publishes.map(([sent]) => [sent?.message.headers.root_id, sent?.message.headers.parent_id])
  assert.deepEqual(ancestry, [
    ['first', 'outer'],
    ['outer', 'outer'],
  ])
})

test('countdownMs, eta, expiresMs and expires become moments on the wire', async () => {
  publishes.length = 0
  const beforeMs = Date.now()
  const [eta, expires] = [new Date(beforeMs + 60_000), new Date(beforeMs + 90_000)]
  await add.applyAsync([1, 2], { countdownMs: 10_000.4, expiresMs: 20_000 })
  await add.applyAsync([1, 2], { eta, expires })
  await add.applyMany(
    [
      [1, 2],
      [3, 4],
    ],
    { countdownMs: 5 },
  )

  const [[relative], [absolute], many] = publishes as [[Outgoing], [Outgoing], Outgoing[]]
  const { headers, properties } = relative.message
  const etaMs = fromWireDate(headers.eta ?? '') ?? 0
  assert.ok(etaMs >= beforeMs + 10_000 && etaMs <= Date.now() + 10_001, String(headers.eta))
  assert.equal((fromWireDate(headers.expires ?? '') ?? 0) - etaMs, 10_000)
  assert.equal(properties.expiration, '20000')
  const exact = [absolute.message.headers.eta, absolute.message.headers.expires]
  assert.deepEqual(
    exact.map((text) => fromWireDate(text ?? '')),
    [eta.getTime(), expires.getTime()],
  )
  const [first, second] = many.map(({ message }) => message.headers.eta)
  assert.equal(first, second, 'calls sent together count from one moment')
})

test('time limits are seconds on the wire, the hard one first', async () => {
  publishes.length = 0
  await add.applyAsync([1, 2], { timeLimitMs: 90_000, softTimeLimitMs: 1_500 })
  await add.applyAsync([1, 2], { softTimeLimitMs: 250 })
  await add.delay(1, 2)
  const limits = publishes.map(([sent]) => sent?.message.headers.timelimit)
  assert.deepEqual(limits, [
    [90, 1.5],
    [null, 0.25],
    [null, null],
  ])
})

test('results cannot be asked for in a child, in any way', async () => {
  const inside = { code: 'CAROM_RESULT_INSIDE_TASK', message: /inside a task: waiting here can wait for ever/ }
  const result = await add.delay(1, 2)
  await assert.rejects(result.get(), inside)
  await assert.rejects(result.state(), inside)
  await assert.rejects(result.ready(), inside)
  await assert.rejects(result.meta(), inside)
  await assert.rejects(result.forget(), inside)
  await assert.rejects(app.result('x').get(), inside)
})
