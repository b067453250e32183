/** Workers and children killed in the middle of a workflow: what follows is published at least once, under the same ids. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { frozenId } from '../../src/canvas/frozen-ids.ts'
import { sig } from '../canvas/workflow.ts'
import { until } from '../support/wait.ts'
import { ledger, startWorkerProcess } from './lab.ts'
import { carrying, openWorkflowStore, WORKFLOW_APP, type WorkflowStore } from './workflow-lab.ts'

let store: WorkflowStore
before(async () => {
  store = await openWorkflowStore()
})
after(() => store.close())

const APP = { app: WORKFLOW_APP }

function starts(taskId: string): number {
  return ledger(taskId).filter(({ event }) => event === 'START').length
}

async function drained(): Promise<void> {
  await until(async () => (await store.broker.depths()).length === 0, {
    withinMs: 10_000,
    what: 'the queues are empty',
  })
}

for (const [point, runs] of [
  ['after acceptance', [1, 2]],
  ['before storing', [2]],
  ['while storing', [1, 2]],
  ['after storing', [1]],
] as const) {
  test(`a worker killed ${point}: link and next step follow, each under its one id`, async (t) => {
    const doomed = await startWorkerProcess(t, APP, point)
    const next = `next-${point.replaceAll(' ', '-')}`
    const first = carrying('demo.add', [1, 2], {
      callbacks: [sig('demo.add', { args: [10] })],
      chain: [sig('demo.add', { args: [100], options: { task_id: next } })],
    })
    await store.broker.publish([first])
    assert.equal(await doomed.exited, 'SIGKILL')
    await startWorkerProcess(t, APP)
    const link = frozenId(first.id, 'link/0')
    assert.equal((await store.outcome(link)).value, 13)
    assert.equal((await store.outcome(next)).value, 103)
    await drained()
    assert.ok(runs.includes(starts(first.id) as never), `the first was started ${starts(first.id)} times`)
    for (const id of [link, next]) assert.equal(starts(id), 1)
    assert.deepEqual((await store.outcome(first.id)).children, [link, next])
  })
}

test('a child killed while it runs a task: the links follow its later success', async (t) => {
  await startWorkerProcess(t, APP)
  const first = carrying('demo.dies', [2], { callbacks: [sig('demo.add', { args: [10] })] })
  await store.broker.publish([first])
  assert.equal((await store.outcome(frozenId(first.id, 'link/0'))).value, 12)
  assert.equal(starts(first.id), 3)
})

test('a worker killed while a failure is carried out: what was left ends, and the error link is called once', async (t) => {
  const doomed = await startWorkerProcess(t, APP, 'after carrying out')
  const chain = [sig('demo.add', { args: [1], options: { task_id: 'left-over' } })]
  const first = carrying('demo.boom', [], { errbacks: [sig('demo.on_err')], chain })
  await store.broker.publish([first])
  assert.equal(await doomed.exited, 'SIGKILL')
  await startWorkerProcess(t, APP)
  const errback = frozenId(first.id, 'errbacks/0')
  assert.equal((await store.outcome(errback)).value, first.id)
  for (const id of [first.id, 'left-over']) assert.equal((await store.outcome(id)).status, 'FAILURE')
  await drained()
  assert.equal(ledger(errback).length, 1)
})
