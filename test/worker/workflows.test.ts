/** Workflows of Python's producers, run by a real worker: links, chains, groups, chords, and their error links. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { container, optionsOf, sig, tasksIn } from '../canvas/workflow.ts'
import { until } from '../support/wait.ts'
import { ledger, START } from './lab.ts'
import {
  bodyOf,
  carrying,
  openWorkflowStore,
  WORKFLOW_APP,
  type WorkflowStore,
  workflowMessages,
} from './workflow-lab.ts'

let worker: Worker
let store: WorkflowStore

before(async () => {
  store = await openWorkflowStore()
  worker = await startWorker({ app: WORKFLOW_APP, ...START, concurrency: 2 })
})
after(async () => {
  // Also shows that nothing is left in hand.
  await worker.stop('warm')
  await store.close()
})

const ON_ERR = sig('demo.on_err')
const stepIds = (steps: unknown) => (steps as unknown[]).map((step) => optionsOf(step).task_id as string)

/** Waits for the error link of the failed task, and gives the id it was run under. */
async function errback(failedId: string): Promise<string> {
  const { children } = await store.outcome(failedId)
  assert.deepEqual(children, [])
  const found = await until(
    async () => {
      const { readFileSync } = await import('node:fs')
      return readFileSync(process.env.LAB_LEDGER as string, 'utf8').match(`ERRBACK:${failedId} (\\S+)`)?.[1] ?? null
    },
    { withinMs: 10_000, what: `the error link of ${failedId} has run` },
  )
  assert.equal((await store.outcome(found)).value, failedId)
  return found
}

for (const version of ['52', '56']) {
  test(`${version}: a chain runs step by step, each with the result of the one before, under the ids it was given`, async () => {
    const [first] = workflowMessages(`redis-${version}-chain`)
    assert.ok(first)
    const ids = [first.message.headers.id, ...stepIds(bodyOf(first)[2].chain).reverse()]
    await store.broker.publish([first])
    const outcomes = await Promise.all(ids.map((id) => store.outcome(id)))
    assert.deepEqual(
      outcomes.map(({ status, value }) => [status, value]),
      [3, 6, 10, 11].map((value) => ['SUCCESS', value]),
    )
    assert.deepEqual(
      outcomes.map(({ parentId, children }) => [parentId, ...children]),
      [[null, ids[1]], [ids[0], ids[2]], [ids[1], ids[3]], [ids[2]]],
    )
  })

  test(`${version}: a chain that fails stores its failure for all that was left, and calls its error links`, async () => {
    const [first] = workflowMessages(`redis-${version}-chain-error`, () => ({ task: 'demo.boom' }))
    assert.ok(first)
    await store.broker.publish([first])
    const { id } = first.message.headers
    for (const taskId of [id, ...stepIds(bodyOf(first)[2].chain)]) {
      const { status, value } = await store.outcome(taskId)
      assert.deepEqual([status, (value as { exc_type: string }).exc_type], ['FAILURE', 'RangeError'])
    }
    const errbackId = await errback(id)
    const { parentId, groupId } = await store.outcome(errbackId)
    assert.equal(parentId, id)
    assert.equal(typeof groupId, 'string')
  })

  test(`${version}: a group at the end of a chain runs`, async () => {
    const [first] = workflowMessages(`redis-${version}-chain-ends-with-group`)
    assert.ok(first)
    await store.broker.publish([first])
    const members = tasksIn((bodyOf(first)[2].chain as unknown[])[0])
    const outcomes = await Promise.all(stepIds(members).map((id) => store.outcome(id)))
    assert.deepEqual(
      outcomes.map(({ value }) => value),
      [6, 7],
    )
  })

  test(`${version}: a chord runs its body once, with the results in order`, async () => {
    const parts = workflowMessages(`redis-${version}-chord`)
    const bodyId = optionsOf(bodyOf(parts[0] as never)[2].chord).task_id as string
    const groupId = parts[0]?.message.headers.group as string
    await store.backend.openChords([{ groupId, size: 2 }])
    await store.broker.publish(parts)
    const { value, parentId } = await store.outcome(bodyId)
    assert.equal(value, 6)
    assert.ok(parts.some(({ message }) => message.headers.id === parentId))
    assert.equal(ledger(bodyId).length, 1)
    const part = {
      taskId: parts[0]?.message.headers.id as string,
      status: 'SUCCESS',
      result: Buffer.from('2'),
    } as const
    const isForgotten = async () => (await store.backend.joinChord({ groupId, index: 0, size: null, part })) === null
    await until(isForgotten, { what: 'the chord is forgotten' })
  })

  test(`${version}: the body of a chord goes on as a chain`, async () => {
    const parts = workflowMessages(`redis-${version}-chord-body-chain`)
    const steps = tasksIn(bodyOf(parts[0] as never)[2].chord)
    await store.backend.openChords([{ groupId: parts[0]?.message.headers.group as string, size: 2 }])
    await store.broker.publish(parts)
    const [sum, end] = await Promise.all(stepIds(steps).map((id) => store.outcome(id)))
    assert.deepEqual([sum?.value, end?.value], [6, 7])
  })
}

test('a chord with a part that failed fails its body, whose error links get its id', async () => {
  const parts = workflowMessages('redis-52-chord-error')
  const bodyId = optionsOf(bodyOf(parts[0] as never)[2].chord).task_id as string
  await store.backend.openChords([{ groupId: parts[0]?.message.headers.group as string, size: 2 }])
  await store.broker.publish(parts)
  const { status, value } = await store.outcome(bodyId)
  const { exc_type, exc_message, exc_module } = value as Record<string, unknown>
  assert.deepEqual([status, exc_type, exc_module], ['FAILURE', 'ChordError', 'celery.exceptions'])
  assert.deepEqual(exc_message, [`Dependency ${parts[1]?.message.headers.id} raised RangeError("it's bad")`])
  await errback(bodyId)
})

test('a chord of two hundred, of which the messages say how many there are, runs its body with all results', async () => {
  const chord = sig('demo.tsum', { chord_size: 200, options: { task_id: 'sum-of-200' } })
  const numbers = Array.from({ length: 200 }, (_, index) => index)
  const parts = numbers.map((number) =>
    carrying('demo.add', [number, 1], { chord }, { group: 'group-of-200', group_index: number }),
  )
  await store.broker.publish(parts)
  assert.equal((await store.outcome('sum-of-200')).value, 20_100)
  assert.equal(ledger('sum-of-200').length, 1)
})

test('a group in the middle of a chain is a chord that this worker opens, and the chain goes on', async () => {
  const group = container('group', [sig('demo.add', { args: [10] }), sig('demo.add', { args: [20] })])
  const chain = [sig('demo.add', { args: [1000], options: { task_id: 'after-the-group' } }), sig('demo.tsum'), group]
  const first = carrying('demo.add', [1, 2], { chain })
  await store.broker.publish([first])
  assert.equal((await store.outcome('after-the-group')).value, 1036)
})

test('a failure within a chord within a chain ends what comes after it', async () => {
  const header = [sig('demo.add', { args: [1] }), sig('demo.boom', { immutable: true })]
  const body = sig('demo.tsum', { options: { task_id: 'never-summed' } })
  const step = sig('celery.chord', { kwargs: { header, body, kwargs: {} }, subtask_type: 'chord' })
  const last = sig('demo.add', { args: [1], options: { task_id: 'never-reached' } })
  await store.broker.publish([carrying('demo.add', [1, 2], { chain: [last, step] })])
  for (const id of ['never-summed', 'never-reached']) {
    const { status, value } = await store.outcome(id)
    assert.deepEqual([status, (value as { exc_type: string }).exc_type], ['FAILURE', 'ChordError'])
  }
})

test('a link gets what was stored, dates as dates, and links of a link follow it', async () => {
  const link = sig('demo.kind', {
    options: { task_id: 'kind-of-date', link: [sig('demo.add', { args: [1], options: { task_id: 'linked-on' } })] },
  })
  const first = carrying('demo.date', [], { callbacks: [link] })
  await store.broker.publish([first])
  assert.equal((await store.outcome('kind-of-date')).value, 5)
  assert.equal((await store.outcome('linked-on')).value, 6)
  assert.deepEqual((await store.outcome(first.id)).children, ['kind-of-date'])
})

test('the stamps of a message go on with its chain', async () => {
  const chain = [sig('demo.stamps', { immutable: true, options: { task_id: 'stamped' } })]
  const stamps = { stamped_headers: ['customer'], stamps: { customer: ['x'], unnamed: 1 } }
  await store.broker.publish([carrying('demo.add', [1, 2], { chain }, stamps)])
  assert.deepEqual((await store.outcome('stamped')).value, { customer: ['x'] })
})

test('a message whose link is none fails before anything runs, and its failure is stored', async () => {
  const first = carrying('demo.add', [1, 2], { callbacks: [sig('x', { args: 5 })] })
  await store.broker.publish([first])
  const { status, value } = await store.outcome(first.id)
  assert.deepEqual([status, (value as { carom: { code: string } }).carom.code], ['FAILURE', 'CAROM_MESSAGE_INVALID'])
  assert.deepEqual(ledger(first.id), [])
})

for (const [how, task, args, headers, name] of [
  ['expired before it started', 'demo.add', [1, 2], { expires: '2020-01-01T00:00:00+00:00' }, 'TaskRevokedError'],
  ['ran over the time limit of its message', 'demo.hangs', [], { timelimit: [0.3, null] }, 'TimeLimitExceeded'],
  ['killed its child three times', 'demo.dies', [3], {}, 'WorkerLostError'],
  ['gave a result that is too large', 'demo.huge', [], {}, 'CaromError'],
] as const) {
  test(`of a task that ${how} the chain ends, its chord fails, and its error links are called`, async () => {
    const group = `group-${task}`
    const chord = sig('demo.tsum', { chord_size: 1, options: { task_id: `${group}-body`, link_error: [ON_ERR] } })
    const chain = [sig('demo.add', { args: [1], options: { task_id: `${group}-left` } })]
    const first = carrying(task, args, { errbacks: [ON_ERR], chain, chord }, { ...headers, group, group_index: 0 })
    await store.broker.publish([first])
    const state = name === 'TaskRevokedError' ? 'REVOKED' : 'FAILURE'
    for (const id of [first.id, `${group}-left`]) {
      const { status, value } = await store.outcome(id)
      assert.deepEqual([status, (value as { exc_type: string }).exc_type], [state, name])
    }
    const body = await store.outcome(`${group}-body`)
    assert.equal((body.value as { exc_type: string }).exc_type, 'ChordError')
    await errback(first.id)
    await errback(`${group}-body`)
  })
}
