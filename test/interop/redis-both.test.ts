/** Python and Carom workers on one queue of one Redis, whose task both define. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { until } from '../support/wait.ts'
import { type Line, ledger, mixedCluster, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const COUNT = 300
const both = { queues: ['both'] }
const mixed = mixedCluster({ python: both, carom: both })

/** What ran of these, once all have run; nothing more may come. */
async function runsOf(ids: readonly string[]): Promise<Line[]> {
  const wanted = new Set(ids)
  const runs = () => ledger().filter(({ taskId }) => wanted.has(taskId))
  await until(() => new Set(runs().map(({ taskId }) => taskId)).size === wanted.size, {
    what: 'all have run',
    withinMs: 20_000,
  })
  return runs()
}

function countOf(runs: readonly Line[], who: Line['who']): number {
  return runs.filter((run) => run.who === who).length
}

for (const [who, send] of [
  [
    'Python',
    (args: readonly number[]) =>
      mixed.python.ask({ command: 'many', task: 'both.noted', count: COUNT, args, options: { queue: 'both' } }),
  ],
  [
    'Carom',
    async (args: readonly number[]) => {
      const calls = Array.from({ length: COUNT }, () => args as [number])
      const results = await mixed.carom.bothNoted.applyMany(calls, { queue: 'both' })
      return results.map(({ id }) => id)
    },
  ],
] as const) {
  test(`${COUNT} tasks from ${who} run once each, and both workers get their share`, options, async (t) => {
    const ids = (await send([0.01])) as string[]
    const runs = await runsOf(ids)
    assert.equal(runs.length, COUNT, 'some ran twice')
    const [py, ts] = [countOf(runs, 'py'), countOf(runs, 'ts')]
    t.diagnostic(`${py} ran in Python, ${ts} in Carom`)
    // Each sleeps for 10 ms: whoever takes one at a time gets about half of them.
    assert.ok(py > COUNT / 10 && ts > COUNT / 10, `${py} ran in Python, ${ts} in Carom`)
    for (const id of ids.slice(0, 10)) {
      const value = await mixed.carom.app.result(id).get({ timeoutMs: 10_000 })
      assert.equal(value, runs.find(({ taskId }) => taskId === id)?.who)
    }
  })
}

test('when one worker goes the other does all, and nothing is left claimed', options, async () => {
  await mixed.caromWorker.stop('warm')
  const ids = (await mixed.python.ask({
    command: 'many',
    task: 'both.noted',
    count: 50,
    options: { queue: 'both' },
  })) as string[]
  const runs = await runsOf(ids)
  assert.equal(countOf(runs, 'py'), 50)
  const client = mixed.server.client()
  try {
    await until(async () => (await client.hlen('unacked')) === 0, { what: 'nothing is claimed' })
    assert.equal(await client.llen('both'), 0)
  } finally {
    client.disconnect()
  }
})
