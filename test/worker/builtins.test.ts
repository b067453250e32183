/** The tasks that Celery's producers may send to any worker. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import test, { after, before } from 'node:test'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { sig } from '../canvas/workflow.ts'
import { until } from '../support/wait.ts'
import { ledger, START } from './lab.ts'
import { carrying, openWorkflowStore, WORKFLOW_APP, type WorkflowStore, workflowMessages } from './workflow-lab.ts'

let worker: Worker
let store: WorkflowStore

before(async () => {
  store = await openWorkflowStore()
  worker = await startWorker({ app: WORKFLOW_APP, ...START, concurrency: 2, node: 'builtins' })
})
after(async () => {
  await worker.stop('warm')
  await store.close()
})

async function run(task: string, args: readonly unknown[], kwargs: Record<string, unknown> = {}) {
  const message = carrying(task, args, {})
  const body = Buffer.from(JSON.stringify([args, kwargs, {}]))
  await store.broker.publish([{ ...message, message: { ...message.message, body } }])
  return store.outcome(message.id)
}

test('a map, a starmap and the parts of chunks, as Python sends them', async () => {
  const messages = workflowMessages('redis-52-map-starmap-chunks')
  await store.broker.publish(messages)
  const outcomes = await Promise.all(messages.map(({ message }) => store.outcome(message.headers.id)))
  assert.deepEqual(
    outcomes.map(({ value }) => value),
    [[3, 7], [1, 2], [3, 7], [11]],
  )
})

test('chunks are sent as a group of starmaps', async () => {
  const { value, children } = await run('celery.chunks', [], {
    task: sig('demo.add'),
    it: [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
    n: 2,
  })
  const [, members] = value as [unknown, [[string, null], null][]]
  assert.deepEqual(
    members.map(([[id]]) => id),
    children,
  )
  const parts = await Promise.all(children.map((id) => store.outcome(id)))
  assert.deepEqual(
    parts.map((part) => part.value),
    [[2, 4], [6]],
  )
})

test('accumulate gives what it got, or one of it', async () => {
  assert.deepEqual((await run('celery.accumulate', [1, [2]])).value, [1, [2]])
  assert.deepEqual((await run('celery.accumulate', [[1, 2], 3], { index: 0 })).value, [1, 2])
  assert.equal((await run('celery.accumulate', [1], { index: 5 })).status, 'FAILURE')
})

test('a cleanup has nothing to do, and what is no task says so', async () => {
  assert.equal((await run('celery.backend_cleanup', [])).status, 'SUCCESS')
  for (const name of ['celery.chain', 'celery.group', 'celery.chord']) {
    const { status, value } = await run(name, [])
    assert.equal(status, 'FAILURE')
    assert.match((value as { exc_message: string[] }).exc_message[0] as string, /is no task/)
  }
})

test('a map over a task that is not here, or over no list, fails', async () => {
  for (const kwargs of [
    { task: sig('nobody.knows'), it: [1] },
    { task: sig('demo.add'), it: 5 },
    { task: sig('demo.add'), it: 'x' },
  ]) {
    assert.equal((await run('celery.starmap', [], kwargs)).status, 'FAILURE')
  }
})

test('chord_unlock waits for the parts, in its own message, and then runs the body with their results', async () => {
  const slow = carrying('demo.slow', [700], {})
  const quick = carrying('demo.add', [1, 2], {})
  await store.broker.publish([slow, quick])
  const bodyId = `body-${randomUUID()}`
  const result = [
    [[slow.id, null], null],
    [['group', null], [[[quick.id, null], null]]],
  ]
  const body = sig('demo.echo', { options: { task_id: bodyId } })
  const { status } = await run('celery.chord_unlock', ['group', body], { result, interval: 0.1 })
  assert.equal(status, 'SUCCESS')
  assert.deepEqual((await store.outcome(bodyId)).value, [700, [3]])
})

test('chord_unlock fails the body of a chord with a part that failed, and gives up after as many retries as it may', async () => {
  const bad = carrying('demo.boom', [], {})
  await store.broker.publish([bad])
  const bodyId = `body-${randomUUID()}`
  const body = sig('demo.tsum', { options: { task_id: bodyId, link_error: [sig('demo.on_err')] } })
  await run('celery.chord_unlock', ['group', body], { result: [[[bad.id, null], null]] })
  const { value } = await store.outcome(bodyId)
  assert.match(
    (value as { exc_message: string[] }).exc_message[0] as string,
    new RegExp(`^Dependency ${bad.id} raised RangeError`),
  )
  const never = { result: [[['never', null], null]], interval: 0.01, max_retries: 3 }
  const gaveUp = await run('celery.chord_unlock', ['group', body], never)
  assert.match((gaveUp.value as { exc_message: string[] }).exc_message[0] as string, /after 3 retries/)
})

test('a chord_unlock without parts to look for fails', async () => {
  for (const kwargs of [{}, { result: [[]] }, { result: 5 }]) {
    assert.equal((await run('celery.chord_unlock', ['g', sig('demo.tsum')], kwargs)).status, 'FAILURE')
  }
})

test('they are hidden, unless they are asked for', async () => {
  assert.ok(worker.tasks.every((name) => name.startsWith('demo.')))
  const ask = async (asked: Record<string, unknown>) => {
    const request = { method: 'registered', arguments: asked, destination: ['builtins'] }
    const replies = await store.broker.mailbox.ask(request, { timeoutMs: 5_000, limit: 1 })
    return replies.builtins as string[]
  }
  assert.deepEqual(await ask({}), worker.tasks)
  const all = await ask({ builtins: true })
  assert.equal(all.filter((name) => name.startsWith('celery.')).length, 9)
})

test('a map runs in one run of its own: its items are the task, not messages', async () => {
  const { id } = carrying('celery.starmap', [], {})
  const message = carrying('celery.starmap', [], {})
  const body = Buffer.from(
    JSON.stringify([
      [],
      {
        task: sig('demo.add'),
        it: [
          [1, 1],
          [2, 2],
        ],
      },
      {},
    ]),
  )
  await store.broker.publish([
    { ...message, message: { ...message.message, headers: { ...message.message.headers, id }, body } },
  ])
  assert.deepEqual((await store.outcome(id)).value, [2, 4])
  assert.equal(await until(() => ledger(id).length, { what: 'both items have run' }), 2)
})
