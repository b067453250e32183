/** An app that is closed while thousands wait: each of them is told, and nothing is rejected behind anybody's back. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { isCaromError } from '../../src/errors.ts'
import { Carom, GroupResult } from '../../src/index.ts'
import { noRedis, startRedis } from '../support/redis-server.ts'

const MANY = 2_000
const GET = { timeoutMs: 30_000 }
const folder = mkdtempSync(join(tmpdir(), 'carom-closed-'))
const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
process.on('unhandledRejection', note)
after(() => {
  process.off('unhandledRejection', note)
  rmSync(folder, { recursive: true, force: true })
})

/** Waits of every kind, none of which will ever be answered. */
function waits(app: Carom): Promise<unknown>[] {
  const results = Array.from({ length: MANY }, (_, index) => app.result(`wait-${index}`))
  const group = GroupResult.of([GroupResult.of(results.slice(0, MANY / 2)), ...results.slice(MANY / 2)])
  const iterate = async () => {
    for await (const { id } of group.iterate(GET)) assert.fail(`${id} has ended`)
  }
  return [
    ...results.map((result) => result.get(GET)),
    group.get(GET),
    group.get({ ...GET, propagate: false }),
    iterate(),
  ]
}

async function closedWhileWaiting(url: string, close: (app: Carom) => Promise<void>): Promise<void> {
  const app = new Carom('waits', { broker: url })
  const waiting = Promise.allSettled(waits(app))
  await close(app)
  for (const settled of await waiting) {
    assert.ok(settled.status === 'rejected' && isCaromError(settled.reason, 'CAROM_APP_CLOSED'), String(settled.status))
  }
  const late = await Promise.allSettled(waits(app))
  assert.ok(late.every((settled) => settled.status === 'rejected' && isCaromError(settled.reason, 'CAROM_APP_CLOSED')))
  await turn()
  assert.deepEqual(unhandled, [])
}

const whileOpening = (app: Carom) => app.close()
const whenOpen = async (app: Carom) => {
  await app.result('other').state()
  await turn()
  await app.close()
}

for (const [when, close] of [
  ['while its store is being opened', whileOpening],
  ['once all are waited for', whenOpen],
] as const) {
  test(`memory: an app is closed ${when}`, () => closedWhileWaiting('memory:closed', close))
  test(`embedded: an app is closed ${when}`, () => closedWhileWaiting(`embedded:${join(folder, 'a.sqlite')}`, close))
  test(`redis: an app is closed ${when}`, { skip: noRedis, timeout: 60_000 }, async (t) => {
    const redis = await startRedis()
    t.after(() => redis.remove())
    await closedWhileWaiting(redis.url(), close)
  })
}

test('redis: an app is closed whose server is gone', { skip: noRedis, timeout: 60_000 }, async (t) => {
  const redis = await startRedis()
  t.after(() => redis.remove())
  await closedWhileWaiting(redis.url(), async (app) => {
    await app.result('other').state()
    await redis.kill()
    await app.close()
  })
})
