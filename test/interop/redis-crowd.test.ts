/** Many workflows at once on Python's and several Carom workers: each ends, with its own value. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { startWorker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { startWorkerProcess } from '../worker/lab.ts'
import { APP, mixedCluster, on, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const COUNT = 60
const mixed = mixedCluster({ carom: { concurrency: 2 } })

const side = (index: number) => (index % 2 === 0 ? 'ts' : 'py')
const specs = Array.from({ length: COUNT }, (_, index) => {
  const parts = Array.from({ length: 2 + (index % 5) }, (_, part) => on(side(index + part), 'add', [index, part]))
  if (index % 3 === 0) return ['chord', parts, on(side(index + 1), 'sum')]
  const more = ['group', ...parts.map(addTen)]
  if (index % 3 === 1) return ['chain', on(side(index), 'add', [index, 0]), more, on('ts', 'sum')]
  return ['chain', on('py', 'add', [index, 1]), on('ts', 'add', [10]), on(side(index), 'add', [100])]
})
const VALUES = specs.map((_, index) => {
  const size = 2 + (index % 5)
  if (index % 3 === 0) return index * size + (size * (size - 1)) / 2
  return index % 3 === 1 ? size * (index + 10) : index + 111
})

test(`${COUNT} chains, groups and chords at once over two Carom workers and a Python worker`, options, async (t) => {
  const second = await startWorker({ app: APP, concurrency: 1, node: 'second@here', queues: ['ts'] })
  t.after(() => second.stop('now'))
  assert.deepEqual(await mixed.python.ask({ command: 'workflows', specs, timeout: 25 }), VALUES)
})

test(
  'the same while workers of Carom are killed, one after the other: each value is there, and right',
  options,
  async (t) => {
    await mixed.caromWorker.stop('now')
    const client = mixed.server.client()
    t.after(() => client.disconnect())
    const results = async () => (await client.keys('celery-task-meta-*')).length
    const before = await results()
    const values = mixed.python.ask({ command: 'workflows', specs, timeout: 25 })
    const worker = (index: number) =>
      startWorkerProcess(t, { app: APP, queues: ['ts'], leaseMs: 500, node: `killed-${index}@here` })
    for (const [index, enough] of [20, 60, 100].entries()) {
      const { process: victim, exited } = await worker(index)
      await until(async () => (await results()) >= before + enough, { what: 'some have ended', withinMs: 10_000 })
      victim.kill('SIGKILL')
      await exited
    }
    await worker(3)
    assert.deepEqual(await values, VALUES)
  },
)

function addTen(part: readonly unknown[]): readonly unknown[] {
  const [, name, , { queue }] = part as [string, string, unknown, { queue: string }]
  return ['sig', name, [10], { queue }]
}
