/** Python and Carom workers on the same queues: they share, leave each other's tasks, and take over from each other. */
import assert from 'node:assert/strict'
import { openBroker } from '../../src/brokers/open.ts'
import { until } from '../support/wait.ts'
import { GET, type Line, type Mixed, type MixedOptions, runsOf } from './mixed-lab.ts'
import { assertLives } from './survival.ts'

const SHARED = 200
const FOREIGN = 200

/** The queue "both" is shared; on "mistaken" only the Carom worker listens, which knows none of what comes there. */
export const SHARING: MixedOptions = { python: { queues: ['py', 'both'] }, carom: { queues: ['both', 'mistaken'] } }

function countOf(runs: readonly Line[], who: Line['who']): number {
  return runs.filter((run) => run.who === who).length
}

export function sharing(mixed: Mixed): void {
  for (const [who, send] of [
    [
      'Python',
      (args: readonly number[]) =>
        mixed.python.ask({ command: 'many', task: 'both.noted', count: SHARED, args, options: { queue: 'both' } }),
    ],
    [
      'Carom',
      async (args: readonly number[]) => {
        const calls = Array.from({ length: SHARED }, () => args as [number])
        return (await mixed.carom.bothNoted.applyMany(calls, { queue: 'both' })).map(({ id }) => id)
      },
    ],
  ] as const) {
    mixed.test(`${SHARED} tasks from ${who} run once each, and both workers get their share`, async (t) => {
      const ids = (await send([0.01])) as string[]
      const runs = await runsOf(ids)
      assert.equal(runs.length, SHARED, 'some ran twice')
      const [py, ts] = [countOf(runs, 'py'), countOf(runs, 'ts')]
      t.diagnostic(`${py} ran in Python, ${ts} in Carom`)
      // Each sleeps for 10 ms: whoever takes one at a time gets about half of them.
      assert.ok(py >= 10 && ts >= 10, `${py} ran in Python, ${ts} in Carom`)
      for (const id of ids.slice(0, 5)) {
        assert.equal(await mixed.carom.app.result(id).get(GET), runs.find(({ taskId }) => taskId === id)?.who)
      }
    })
  }

  mixed.test(
    `${FOREIGN} tasks of Python's in the queue of a Carom worker: none is lost, none fails, each runs once`,
    async (t) => {
      const own = await openBroker(process.env.CAROM_BROKER_URL as string, { appName: 'mixed' })
      t.after(() => own.close())
      const queue = 'mistaken'
      const asked = { command: 'many', task: 'py.noted', count: FOREIGN, options: { queue } }
      // Carom is alone with them first, so that it gets hold of all it can.
      const ids = (await mixed.python.ask(asked)) as string[]
      await mixed.python.ask({ command: 'consume', queue })
      const runs = await runsOf(ids)
      assert.deepEqual([runs.length, countOf(runs, 'py')], [FOREIGN, FOREIGN])
      for (const id of ids.slice(-10)) assert.equal(await mixed.carom.app.result(id).get(GET), 'py')
      assert.deepEqual(await own.quarantine.list(), [])
      await until(async () => (await own.depths([queue])).every(({ waiting }) => waiting === 0), {
        what: 'none is left',
      })
      await assertLives(mixed)
    },
  )
}

/** Ends the Carom worker. */
export function takingOver(mixed: Mixed): void {
  mixed.test('when the Carom worker goes Python does all, and what the worker held comes back', async () => {
    const sent = await mixed.carom.bothNoted.applyMany(
      Array.from({ length: 60 }, () => [0.02] as [number]),
      { queue: 'both' },
    )
    await mixed.caromWorker.stop('warm')
    const runs = await runsOf(sent.map(({ id }) => id))
    assert.equal(runs.length, sent.length, 'some ran twice')
    const later = await mixed.carom.bothNoted.applyMany([[0], [0], [0]], { queue: 'both' })
    assert.equal(countOf(await runsOf(later.map(({ id }) => id)), 'py'), 3)
    if (mixed.broker === 'RabbitMQ') return
    const client = mixed.server.client()
    try {
      await until(async () => (await client.hlen('unacked')) === 0, { what: 'nothing is claimed' })
      assert.equal(await client.llen('both'), 0)
    } finally {
      client.disconnect()
    }
  })
}
