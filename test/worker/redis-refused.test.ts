/** A worker whose Redis refuses it in mid-run: it tries at long intervals, and goes on when it may again. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Redis } from 'ioredis'
import { Carom } from '../../src/index.ts'
import { startWorker } from '../../src/worker/index.ts'
import { silent } from '../../src/worker/log.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { noRedis, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { APP, ledger, START } from './lab.ts'

const options = { skip: noRedis, timeout: 50_000 }
const GET = { timeoutMs: 20_000 }
const FAILURES = 6
/** What a worker does in that time: claims, renewals, outcomes, and looks after what others left. */
const MAX_TRIES = 60

interface Refusal {
  readonly what: string
  take(admin: Redis): Promise<unknown>
  giveBack(admin: Redis): Promise<unknown>
  /** What its log says of it. */
  readonly said: RegExp
}

const REFUSALS: readonly Refusal[] = [
  {
    what: 'its rights are taken away',
    take: (admin) => admin.acl('SETUSER', 'ada', '-@all', '+ping', '+select'),
    giveBack: (admin) => admin.acl('SETUSER', 'ada', '+@all'),
    said: /NOPERM.*what this user may do \(ACL\)/,
  },
  {
    what: 'it has another password',
    take: async (admin) => {
      await admin.acl('SETUSER', 'ada', 'resetpass', '>other')
      await admin.call('CLIENT', 'KILL', 'USER', 'ada')
    },
    giveBack: (admin) => admin.acl('SETUSER', 'ada', 'resetpass', '>sesame'),
    said: /WRONGPASS.*Check user and password in the URL/,
  },
]

for (const { what, take, giveBack, said } of REFUSALS) {
  test(
    `a worker tries again at long intervals while ${what}, and then loses and repeats nothing`,
    options,
    async (t) => {
      const server = await startRedis()
      afterwards(t, () => server.remove())
      const admin = server.client()
      afterwards(t, () => admin.disconnect())
      await admin.acl('SETUSER', 'ada', 'on', '>sesame', '~*', '&*', '+@all')
      process.env.CAROM_BROKER_URL = server.url().replace('://', '://ada:sesame@')
      const failures: string[] = []
      const error = (facts: object, text: string) => {
        if (text.startsWith('No message could be claimed')) failures.push(String((facts as { err: Error }).err.message))
      }
      const worker = await startWorker({ app: APP, ...START, concurrency: 2, log: { ...silent, error } })
      afterwards(t, () => worker.stop('now'))
      const sender = new Carom('lab', { broker: server.url() })
      afterwards(t, () => sender.close())
      const noted = sender.remoteTask<(ms: number) => number>('lab.noted')
      const running = await noted.delay(500)
      await until(() => ledger(running.id).length === 1, { what: 'a task runs', withinMs: 15_000 })

      await take(admin)
      const [before, fromMs] = [await triesOf(admin), performance.now()]
      const waiting = await noted.delay(0)
      await until(() => failures.length >= FAILURES, { what: 'claims have failed', withinMs: 25_000 })
      const [tries, tookMs] = [(await triesOf(admin)) - before, performance.now() - fromMs]
      t.diagnostic(`${tries} tries in ${Math.round(tookMs)} ms`)
      assert.ok(tookMs > 1_000, `${FAILURES} claims failed within ${tookMs} ms`)
      assert.ok(tries <= MAX_TRIES, `${tries} tries in ${tookMs} ms`)
      for (const text of failures) {
        assert.match(text, said)
        assert.doesNotMatch(text, /sesame/)
      }
      assert.equal(ledger(running.id).length, 2, 'the task has ended meanwhile')

      await giveBack(admin)
      assert.deepEqual([await running.get(GET), await waiting.get(GET)], [500, 0])
      for (const { id } of [running, waiting]) {
        assert.deepEqual(
          ledger(id).map(({ event }) => event),
          ['START', 'END'],
        )
      }
    },
  )
}

/** Commands that were refused, and connections, since the server was started. */
async function triesOf(admin: Redis): Promise<number> {
  const text = `${await admin.info('commandstats')}${await admin.info('stats')}`
  const counts = text.matchAll(/(?:rejected_calls=|total_connections_received:)(\d+)/g)
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0)
}
