import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { GroupResult } from '../../src/results/group-result.ts'
import { createApp, type Desk, memoryUrl, openDesk } from './desk.ts'

const folder = mkdtempSync(join(tmpdir(), 'carom-group-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const GET = { timeoutMs: 5_000 }
const BROKE = { name: 'OutOfStock', message: 'none left', stack: null }

/** Three results of tasks that have been sent, and the desk at which their messages lie. */
async function sendThree(t: TestContext, broker = memoryUrl()) {
  const app = createApp(t, { broker })
  const desk = await openDesk(t, broker)
  const task = app.task('shop.t', (n: number) => n)
  const results = await task.applyMany([[1], [2], [3]])
  return { app, desk, results }
}

async function succeedAll(desk: Desk, values: readonly unknown[]): Promise<void> {
  for (const value of values) await desk.succeed(await desk.next(), value)
}

for (const [store, urlFor] of Object.entries({
  memory: () => memoryUrl(),
  embedded: () => `embedded:${join(mkdtempSync(join(folder, 'store-')), 'shop.sqlite')}?durability=process`,
})) {
  test(`${store}: a group gives its results in order, with groups within as arrays`, async (t) => {
    const { desk, results } = await sendThree(t, urlFor())
    const [first, second, third] = results
    assert.ok(first && second && third)
    const group = GroupResult.of([third, GroupResult.of([first, second]), GroupResult.of([])])
    const waiting = group.get(GET)
    await succeedAll(desk, [10, 20, 30])
    assert.deepEqual(await waiting, [30, [10, 20], []])
    assert.equal('then' in group, false)
  })

  test(`${store}: a group counts, knows whether it is ready, and is forgotten as a whole`, async (t) => {
    const { app, desk, results } = await sendThree(t, urlFor())
    const group = GroupResult.of(results)
    const look = async () => [
      await group.completedCount(),
      await group.ready(),
      await group.successful(),
      await group.failed(),
    ]
    assert.deepEqual(await look(), [0, false, false, false])
    await succeedAll(desk, [1, 2])
    assert.deepEqual(await look(), [2, false, false, false])
    await desk.fail(await desk.next(), BROKE)
    assert.deepEqual(await look(), [2, true, false, true])
    await group.save()
    await group.forget()
    assert.deepEqual(await look(), [0, false, false, false])
    assert.equal(await app.groupResult(group.id), null)
  })

  test(`${store}: a group that was saved is restored by its id, in another app too`, async (t) => {
    const url = urlFor()
    const { desk, results } = await sendThree(t, url)
    const [first, second, third] = results
    assert.ok(first && second && third)
    const group = GroupResult.of([first, GroupResult.of([second, GroupResult.of([])]), third])
    await group.save()
    const restored = await createApp(t, { broker: url }).groupResult(group.id)
    assert.equal(restored?.id, group.id)
    await succeedAll(desk, [1, 2, 3])
    assert.deepEqual(await restored?.get(GET), [1, [2, []], 3])
    assert.equal(await createApp(t, { broker: url }).groupResult('unknown'), null)
  })
}

test('get() of a group rejects with the first failure, or keeps errors in their places', async (t) => {
  const { desk, results } = await sendThree(t)
  const group = GroupResult.of(results)
  const waiting = group.get(GET)
  const [first, second] = [await desk.next(), await desk.next()]
  await desk.fail(second, BROKE)
  await assert.rejects(waiting, { name: 'OutOfStock', code: 'CAROM_TASK_FAILED', taskId: results[1]?.id })
  const all = group.get({ ...GET, propagate: false })
  await desk.succeed(first, 1)
  await desk.settle(await desk.next(), { status: 'REVOKED', result: Buffer.from('{"exc_message":["expired"]}') })
  const [one, failed, expired] = (await all) as [unknown, Error, Error & { code: string }]
  assert.deepEqual([one, failed.name, expired.code], [1, 'OutOfStock', 'CAROM_TASK_EXPIRED'])
})

test('a group is iterated over as its tasks end, failures among them', async (t) => {
  const { desk, results } = await sendThree(t)
  const [first, second, third] = results
  assert.ok(first && second && third)
  const seen: unknown[] = []
  const deliveries = [await desk.next(), await desk.next(), await desk.next()] as const
  await desk.fail(deliveries[2], BROKE)
  for await (const { id, state, value, error } of GroupResult.of([first, GroupResult.of([second, third])])) {
    seen.push([id, state, value ?? error?.name])
    if (seen.length === 1) await desk.succeed(deliveries[1], 'b')
    if (seen.length === 2) await desk.succeed(deliveries[0], 'a')
  }
  const expected = [
    [third.id, 'FAILURE', 'OutOfStock'],
    [second.id, 'SUCCESS', 'b'],
    [first.id, 'SUCCESS', 'a'],
  ]
  assert.deepEqual(seen, expected)
  for await (const _ of GroupResult.of([])) assert.fail('there is nothing')
})

test('waiting for a group ends with its deadline, the caller, or the loop that is left', async (t) => {
  const { app, desk, results } = await sendThree(t)
  const group = GroupResult.of(results)
  await assert.rejects(group.get({ timeoutMs: 20 }), { code: 'CAROM_RESULT_TIMEOUT' })
  await assert.rejects(group.get({ timeoutMs: 20, propagate: false }), { code: 'CAROM_RESULT_TIMEOUT' })
  await assert.rejects(group.iterate({ timeoutMs: 20 }).next(), { code: 'CAROM_RESULT_TIMEOUT' })
  const ending = new AbortController()
  const reason = new Error('the user left')
  const waits = [group.get({ signal: ending.signal }), group.iterate({ signal: ending.signal }).next()]
  ending.abort(reason)
  for (const wait of waits) await assert.rejects(wait, (error) => error === reason)
  await assert.rejects(group.get({ signal: ending.signal }), (error) => error === reason)
  await succeedAll(desk, [1])
  for await (const _ of group) break
  const open = group.get()
  await app.close()
  await assert.rejects(open, { code: 'CAROM_APP_CLOSED' })
})

test('what a group cannot do is refused', async (t) => {
  const { app, results } = await sendThree(t)
  const group = GroupResult.of(results)
  await assert.rejects(group.get({ timeout: 5 } as object), { name: 'TypeError', message: /"timeout".*propagate/ })
  await assert.rejects(group.get({ propagate: 'no' as never }), TypeError)
  await assert.rejects(group.get({ timeoutMs: -1 }), RangeError)
  await assert.rejects(GroupResult.of([]).save(), { name: 'TypeError', message: /no results/ })
  await assert.rejects(app.groupResult(''), RangeError)
})
