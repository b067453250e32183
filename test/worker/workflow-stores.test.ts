/** Workflows where results are kept in another store than messages, are not kept, or the message is gone early. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { frozenId } from '../../src/canvas/frozen-ids.ts'
import { openBackend } from '../../src/results/open.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { sig } from '../canvas/workflow.ts'
import { until } from '../support/wait.ts'
import { START } from './lab.ts'
import { startNode } from './node-lab.ts'
import { carrying, openWorkflowStore, WORKFLOW_APP, type WorkflowStore } from './workflow-lab.ts'

const brokerUrl = process.env.CAROM_BROKER_URL as string
const resultsUrl = `embedded:${join(brokerUrl.slice('embedded:'.length), '..', 'results.sqlite')}`
let worker: Worker
let store: WorkflowStore

before(async () => {
  store = await openWorkflowStore(resultsUrl)
  process.env.CAROM_RESULT_BACKEND = resultsUrl
  worker = await startWorker({ app: WORKFLOW_APP, ...START, concurrency: 2 })
})
after(async () => {
  await worker.stop('warm')
  await store.close()
})

test('links, the chain and the chord follow a success in two stores', async () => {
  const chord = sig('demo.tsum', { chord_size: 1, options: { task_id: 'two-stores-body' } })
  const chain = [sig('demo.add', { args: [1], options: { task_id: 'two-stores-next' } })]
  const first = carrying('demo.add', [1, 2], { callbacks: [sig('demo.echo')], chain, chord }, { group: 'two-stores' })
  await store.broker.publish([first])
  const next = frozenId(first.id, 'link/0')
  assert.equal((await store.outcome(next)).value, 3)
  assert.equal((await store.outcome('two-stores-next')).value, 4)
  assert.equal((await store.outcome('two-stores-body')).value, 3)
  assert.deepEqual((await store.outcome(first.id)).children, [next, 'two-stores-next'])
  const own = await openBackend(brokerUrl, { appName: 'workflows' })
  assert.deepEqual(await own.load([first.id]), [null])
  await own.close()
})

test('error links and the chain follow a failure in two stores', async () => {
  const chain = [sig('demo.add', { args: [1], options: { task_id: 'two-stores-left' } })]
  const first = carrying('demo.boom', [], { errbacks: [sig('demo.on_err')], chain })
  await store.broker.publish([first])
  assert.equal((await store.outcome(frozenId(first.id, 'errbacks/0'))).value, first.id)
  for (const id of [first.id, 'two-stores-left']) assert.equal((await store.outcome(id)).status, 'FAILURE')
})

test('what follows a task whose message was acked when it started is published after its outcome', async () => {
  const good = carrying('demo.early', [5], { callbacks: [sig('demo.add', { args: [1] })] })
  const chain = [sig('demo.add', { args: [1], options: { task_id: 'early-left' } })]
  const bad = carrying('demo.early', [-5], { errbacks: [sig('demo.on_err')], chain })
  await store.broker.publish([good, bad])
  assert.equal((await store.outcome(frozenId(good.id, 'link/0'))).value, 6)
  assert.equal((await store.outcome(frozenId(bad.id, 'errbacks/0'))).value, bad.id)
  assert.equal((await store.outcome('early-left')).status, 'FAILURE')
})

test('a task that ignores its result hands it on all the same, to its link and its chord', async () => {
  const chord = sig('demo.tsum', { chord_size: 2, options: { task_id: 'quiet-body' } })
  const parts = [7, 8].map((n) => carrying('demo.quiet', [n], { chord }, { group: 'quiet', group_index: n }))
  await store.broker.publish(parts)
  assert.equal((await store.outcome('quiet-body')).value, 15)
  assert.deepEqual(await store.backend.load(parts.map(({ id }) => id)), [null, null])
  await until(async () => (await store.broker.depths()).length === 0, { what: 'the queues are empty' })
})

test('an attempt whose claim is lost stores nothing for those that would follow, and reports to no chord', async (t) => {
  delete process.env.CAROM_RESULT_BACKEND
  let renewals = 0
  const lost = await startNode(t, { app: WORKFLOW_APP }, () => ({
    renew: async (tokens) => {
      renewals++
      return tokens
    },
  }))
  const own = await openBackend(brokerUrl, { appName: 'workflows' })
  t.after(() => own.close())
  await worker.stop('warm')
  const chord = sig('demo.tsum', { chord_size: 1, options: { task_id: 'lost-body' } })
  const chain = [sig('demo.add', { args: [1], options: { task_id: 'lost-left' } })]
  const first = carrying('demo.boom', [], { chain, chord }, { group: 'lost', group_index: 0 })
  await lost.broker.publish([first])
  await until(() => renewals > 0 && lost.node.claimed.length === 0, { what: 'the attempt is over' })
  assert.deepEqual(await own.load([first.id, 'lost-left', 'lost-body']), [null, null, null])
})
