/** What lies in Redis beside values and errors: extended results, none at all, groups, their age. Python reads it too. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Redis } from 'ioredis'
import { Carom, GroupResult } from '../../src/index.ts'
import { type Lab, openLab, skip } from './error-lab.ts'

const GET = { timeoutMs: 20_000 }
const bounded = { skip, timeout: 60_000 }
const RESULT_KEYS = 'celery-task-meta-*'
let lab: Lab
let client: Redis
let tasks: typeof import('./fixtures/error-tasks.ts')

before(async () => {
  if (skip !== false) return
  process.env.LAB_EXTENDED = '1'
  lab = await openLab()
  client = lab.redis.client()
  tasks = await import('./fixtures/error-tasks.ts')
  await Promise.all([lab.startCaromWorker(), lab.startPythonWorker()])
})
after(async () => {
  client?.disconnect()
  await tasks?.app.close()
  await lab?.close()
})

interface Info {
  readonly status: string
  readonly name: string
  readonly args: readonly unknown[] | null
  readonly kwargs: object | null
  readonly worker: string
  readonly retries: number
  readonly queue: string
}

test('an extended result says here and in Python what its call was, also of a task that failed', bounded, async () => {
  const queue = { queue: 'jserrors', worker: 'lab', retries: 0 }
  const sum = await tasks.add.applyAsync([], { kwargs: { a: 2, b: 3 } })
  assert.equal(await sum.get(GET), 5)
  const called = { name: 'js.add', args: [], kwargs: { a: 2, b: 3 }, ...queue }
  assert.deepEqual((await sum.meta()).call, called)
  assert.deepEqual(await lab.ask<Info>('info', { id: sum.id }), { status: 'SUCCESS', ...called })
  const failed = await tasks.raises.delay('own')
  await assert.rejects(failed.get(GET), { name: 'OutOfStock' })
  const raised = { name: 'js.raises', args: ['own'], kwargs: {}, ...queue }
  assert.deepEqual(await lab.ask<Info>('info', { id: failed.id }), { status: 'FAILURE', ...raised })
})

test('an extended result says what the call was of a task whose child died', bounded, async () => {
  const lost = await tasks.dies.delay('young')
  await assert.rejects(lost.get(GET), { code: 'CAROM_WORKER_LOST' })
  assert.deepEqual((await lost.meta()).call?.args, ['young'])
})

test('an extended result of Python is read here', bounded, async () => {
  const id = await lab.ask<string>('call', { task: 'py.add', args: [1], kwargs: { y: 2 } })
  assert.equal(await tasks.app.result(id).get(GET), 3)
  const { call } = await tasks.app.result(id).meta()
  const expected = { name: 'py.add', args: [1], kwargs: { y: 2 }, worker: 'py@lab', retries: 0, queue: 'pyerrors' }
  assert.deepEqual(call, expected)
})

test(
  'no key is written for a result that the task, the call, or a header of Python says to ignore',
  bounded,
  async () => {
    await client.flushdb()
    for (const fails of [false, true]) await tasks.quiet.delay(fails)
    await tasks.add.applyAsync([1, 1], { ignoreResult: true })
    await tasks.raises.applyAsync(['own'], { ignoreResult: true })
    const queue = { queue: 'jserrors' }
    // Python says `false` where nobody says anything: the task's own word counts.
    await lab.ask('call', { task: 'js.quiet', args: [true], ...queue })
    await lab.ask('call', { task: 'js.add', args: [1, 1], ignore_result: true, ...queue })
    const told = await tasks.quiet.applyAsync([false], { ignoreResult: false })
    const last = await tasks.add.delay(1, 1)
    await last.get(GET)
    await told.get(GET)
    const keys = [last, told].map(({ id }) => `celery-task-meta-${id}`)
    assert.deepEqual((await client.keys(RESULT_KEYS)).sort(), keys.sort())
  },
)

test('storeErrorsEvenIfIgnored stores failures and nothing else', bounded, async () => {
  await client.flushdb()
  const [fine, broken] = await tasks.complains.applyMany([[false], [true]])
  assert.ok(fine && broken)
  await assert.rejects(tasks.app.result(broken.id).get(GET), { name: 'OutOfStock' })
  assert.deepEqual(await client.keys(RESULT_KEYS), [`celery-task-meta-${broken.id}`])
})

test(
  'a group saved here is restored by Python, and one saved there is restored here, groups within',
  bounded,
  async () => {
    const [a, b, c] = await tasks.add.applyMany([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    assert.ok(a && b && c)
    const inner = GroupResult.of([b, c])
    const group = GroupResult.of([a, inner])
    await group.save()
    const there = await lab.ask('restore', { id: group.id })
    assert.deepEqual(there, { tree: [group.id, [a.id, [inner.id, [b.id, c.id]]]], values: [2, [4, 6]] })
    const id = await lab.ask<string>('save', { ids: [b.id, c.id], inner: [a.id] })
    const restored = await tasks.app.groupResult<unknown>(id)
    assert.deepEqual(await restored?.get(GET), [[4, 6], 2])
    await client.set('celery-taskset-meta-odd', '{"result": [["x"], [[["y", null], null], 5]]}')
    await client.set('celery-taskset-meta-broken', '[')
    for (const odd of ['odd', 'broken', 'none']) assert.equal(await tasks.app.groupResult(odd), null)
    await client.set('celery-taskset-meta-bare', '{"result": ["x", ["y", ["z", null]]]}')
    const bare = await tasks.app.groupResult('bare')
    assert.deepEqual(
      bare?.results.map((member) => member.id),
      ['y', 'z'],
    )
  },
)

test('results and groups live as long as the app says', bounded, async (t) => {
  const sent = await tasks.add.delay(1, 1)
  await sent.get(GET)
  const lifetimeOf = (key: string) => client.pttl(key)
  const stored = await lifetimeOf(`celery-task-meta-${sent.id}`)
  assert.ok(stored > 7_100_000 && stored <= 7_200_000, String(stored))
  for (const [resultExpiresMs, from, to] of [
    [60_000, 50_000, 60_000],
    [0, -1, -1],
  ] as const) {
    const app = new Carom('expiry', { broker: lab.redis.url(1), resultExpiresMs })
    t.after(() => app.close())
    const group = GroupResult.of([app.result(sent.id)])
    await group.save()
    const one = lab.redis.client(1)
    t.after(() => one.disconnect())
    const left = await one.pttl(`celery-taskset-meta-${group.id}`)
    assert.ok(left >= from && left <= to, `${resultExpiresMs}: ${left}`)
  }
})
