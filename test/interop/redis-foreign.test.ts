/** A Carom worker started by mistake on the queue of a Python worker: tasks that it does not know are another's. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { until } from '../support/wait.ts'
import { ledger, mixedCluster, skip } from './mixed-lab.ts'

const options = { skip, timeout: 45_000 }
const COUNT = 1_000
const mixed = mixedCluster({ carom: { queues: ['py'] } })

async function brokerFor(t: { after(release: () => unknown): void }) {
  const broker = await openBroker(mixed.url, { appName: 'mixed' })
  t.after(() => broker.close())
  return broker
}

/** How often each of these has run, once all have. */
async function runsOf(ids: readonly string[], withinMs: number): Promise<number[]> {
  const wanted = new Set(ids)
  const runs = () => ledger().filter(({ taskId }) => wanted.has(taskId))
  await until(() => new Set(runs().map(({ taskId }) => taskId)).size === wanted.size, {
    what: 'all have run',
    withinMs,
  })
  const counts = new Map<string, number>()
  for (const { taskId } of runs()) counts.set(taskId, (counts.get(taskId) ?? 0) + 1)
  return [...counts.values()]
}

test(
  `of ${COUNT} tasks that Carom does not know none is lost and none fails: Python runs each once`,
  options,
  async (t) => {
    const broker = await brokerFor(t)
    const startedMs = performance.now()
    const asked = { command: 'many', task: 'py.noted', count: COUNT, options: { queue: 'py' } }
    const ids = (await mixed.python.ask(asked)) as string[]
    const counts = await runsOf(ids, 40_000)
    t.diagnostic(`${COUNT} tasks took ${Math.round(performance.now() - startedMs)} ms`)
    assert.deepEqual(new Set(counts), new Set([1]))
    assert.deepEqual(await broker.quarantine.list(), [])
    for (const id of ids.slice(-20)) assert.equal(await mixed.carom.app.result(id).get({ timeoutMs: 5_000 }), 'py')
    await until(async () => (await broker.depths(['py'])).length === 0, { what: 'nothing is left' })
  },
)

test(
  'a task that was given back ever so often is not set aside while a worker is there that knows it',
  options,
  async (t) => {
    const broker = await brokerFor(t)
    // Python is busy meanwhile: Carom gets hold of each of them.
    const busy = (await mixed.python.ask({
      command: 'send',
      task: 'py.noted',
      args: [2],
      options: { queue: 'py' },
    })) as string
    await until(() => ledger().some(({ taskId }) => taskId === busy), { what: 'Python is busy' })
    const ids = Array.from({ length: 20 }, (_, index) => `often-${index}`)
    const given = ids.map((id) => {
      const message = buildTaskMessage({ task: 'py.noted', id, args: [], kwargs: {} })
      return { queue: 'py', message: { ...message, headers: { ...message.headers, 'x-carom-counts': [9, 0, 9] } } }
    })
    await broker.publish(given)
    assert.deepEqual(new Set(await runsOf(ids, 30_000)), new Set([1]))
    assert.deepEqual(await broker.quarantine.list(), [])
  },
)

test('a Python worker that is slower than Carom can give back is not left without work', options, async (t) => {
  const startedMs = performance.now()
  const asked = { command: 'many', task: 'py.noted', count: 40, args: [0.1], options: { queue: 'py' } }
  const ids = (await mixed.python.ask(asked)) as string[]
  assert.deepEqual(new Set(await runsOf(ids, 30_000)), new Set([1]))
  t.diagnostic(`4 s of work took ${Math.round(performance.now() - startedMs)} ms`)
})
