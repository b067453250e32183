/** Workers killed around the last part of a chord: the body runs with all results, under its one id. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
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

async function drained(): Promise<void> {
  await until(async () => (await store.broker.depths()).length === 0, {
    withinMs: 10_000,
    what: 'the queues are empty',
  })
}

for (const [point, bodies] of [
  ['before storing', [1]],
  ['before carrying out', [1]],
  ['after carrying out', [1]],
  ['after storing', [1]],
] as const) {
  test(`a worker killed ${point} of the last part of a chord: the body runs, with all results`, async (t) => {
    const group = `chord-${point.replaceAll(' ', '-')}`
    const chord = sig('demo.tsum', { chord_size: 2, options: { task_id: `${group}-body` } })
    const part = (number: number) => carrying('demo.add', [number, 1], { chord }, { group, group_index: number })
    const [early, last] = [part(10), part(20)]
    const first = await startWorkerProcess(t, APP)
    await store.broker.publish([early])
    await store.outcome(early.id)
    await drained()
    first.process.kill('SIGKILL')
    await first.exited
    const doomed = await startWorkerProcess(t, APP, point)
    await store.broker.publish([last])
    assert.equal(await doomed.exited, 'SIGKILL')
    await startWorkerProcess(t, APP)
    assert.equal((await store.outcome(`${group}-body`)).value, 32)
    await drained()
    assert.ok(bodies.includes(ledger(`${group}-body`).length as never))
  })
}
