/** Messages of Celery's first protocol, and what only looks like one: read in a child, run like any other. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import test, { after, before } from 'node:test'
import { frozenId } from '../../src/canvas/frozen-ids.ts'
import { compress } from '../../src/message/compression.ts'
import type { Message } from '../../src/message/message.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { sig } from '../canvas/workflow.ts'
import { captured } from '../message/wire-fixtures.ts'
import { until } from '../support/wait.ts'
import { START } from './lab.ts'
import { openWorkflowStore, QUEUE, WORKFLOW_APP, type WorkflowStore } from './workflow-lab.ts'

let worker: Worker
let store: WorkflowStore

before(async () => {
  store = await openWorkflowStore()
  worker = await startWorker({ app: WORKFLOW_APP, ...START, concurrency: 1 })
})
after(async () => {
  await worker.stop('warm')
  await store.close()
})

const captures = ['redis-52-task-v1', 'redis-56-task-v1']

async function publish(body: unknown, parts: Partial<Message> = {}): Promise<void> {
  const content = { contentType: 'application/json', contentEncoding: 'utf-8', properties: {}, headers: {} as never }
  await store.broker.publish([
    { queue: QUEUE, message: { ...content, body: Buffer.from(JSON.stringify(body)), ...parts } },
  ])
}

for (const name of captures) {
  test(`${name} runs, and its link follows`, async () => {
    const body = captured(name).decodedBody as Record<string, unknown>
    const id = randomUUID()
    await publish({ ...body, id, eta: '2020-01-01T00:00:00.000001+00:00' })
    const { status, value, children } = await store.outcome(id)
    assert.deepEqual([status, value, children], ['SUCCESS', 5, [frozenId(id, 'link/0')]])
    assert.equal((await store.outcome(frozenId(id, 'link/0'))).value, 6)
  })
}

test('it waits for the eta that only its body says', async () => {
  const id = randomUUID()
  const dueMs = Date.now() + 1_000
  await publish({ task: 'demo.add', id, args: [1, 1], kwargs: {}, eta: new Date(dueMs).toISOString() })
  await store.outcome(id)
  assert.ok(Date.now() >= dueMs)
})

test('it can be compressed, belong to a group as a taskset, and report to a chord', async () => {
  const id = randomUUID()
  const chord = sig('demo.tsum', { chord_size: 1, options: { task_id: 'v1-body' } })
  const body = { task: 'demo.add', id, args: [1, 1], kwargs: {}, taskset: 'v1-group', chord }
  const headers = { compression: 'application/x-gzip' } as never
  await publish(null, { headers, body: compress(Buffer.from(JSON.stringify(body))) })
  assert.equal((await store.outcome('v1-body')).value, 2)
  assert.equal((await store.outcome(id)).groupId, 'v1-group')
})

test('headers of protocol v2 over a body of v1 are run as one', async () => {
  const id = randomUUID()
  await publish({ args: [2, 2], kwargs: {}, retries: 7 }, { headers: { task: 'demo.add', id } as never })
  assert.equal((await store.outcome(id)).value, 4)
})

test('what is no task message at all is quarantined with the reason, once, and good messages flow', async () => {
  const bad: readonly (readonly [string, Partial<Message>, RegExp])[] = [
    ['an empty object', { body: Buffer.from('{}') }, /no task message/],
    ['a list', { body: Buffer.from('[[],{},{}]') }, /no task message/],
    ['no JSON', { body: Buffer.from('\x80\x02}q\x00.') }, /not valid UTF-8|not JSON/],
    ['a pickle', { contentType: 'application/x-python-serialize' }, /pickle runs code/],
    ['no id', { body: Buffer.from('{"task":"demo.add"}') }, /headers\.id/],
    [
      'a bomb',
      { headers: { compression: 'gzip' } as never, body: compress(Buffer.alloc(80 * 2 ** 20)) },
      /decompresses to more/,
    ],
  ]
  for (const [, parts] of bad) await publish(null, parts)
  const good = randomUUID()
  await publish({ task: 'demo.add', id: good, args: [1, 1], kwargs: {} })
  assert.equal((await store.outcome(good)).value, 2)
  const quarantined = await until(
    async () => {
      const all = await store.broker.quarantine.list()
      return all.length === bad.length ? all : null
    },
    { withinMs: 10_000, what: 'all of them are quarantined' },
  )
  for (const [what, , reason] of bad)
    assert.ok(
      quarantined.some((each) => reason.test(each.reason)),
      what,
    )
})
