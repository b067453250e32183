/** Signed messages from end to end: children sign and verify, the worker has no key. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { Carom } from '../../src/index.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { makeIdentity } from '../message/certificate-maker.ts'
import { until } from '../support/wait.ts'
import { START } from './lab.ts'

const keys = mkdtempSync(join(tmpdir(), 'carom-keys-'))
const own = makeIdentity({ serial: 1 })
const friend = makeIdentity({ serial: 2 })
const expired = makeIdentity({ serial: 3, validTo: new Date('2021-01-01T00:00:00Z') })
mkdirSync(join(keys, 'known'))
writeFileSync(join(keys, 'worker.key'), own.key)
writeFileSync(join(keys, 'worker.pem'), own.certificate)
writeFileSync(join(keys, 'known/own.pem'), own.certificate)
writeFileSync(join(keys, 'known/others.pem'), friend.certificate + expired.certificate)
process.env.LAB_KEYS = keys

const { app, add, addLater } = await import('./fixtures/signed-tasks.ts')
const APP = fileURLToPath(new URL('./fixtures/signed-tasks.js', import.meta.url))
const GET = { timeoutMs: 10_000 }
let worker: Worker
let broker: Broker

before(async () => {
  worker = await startWorker({ app: APP, ...START, concurrency: 1 })
  broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: 'signed' })
})
after(async () => {
  await worker.stop('warm')
  await broker.close()
  await app.close()
  rmSync(keys, { recursive: true })
})

/** Sends one call of `signed.add` from an app with these options. */
async function sendFrom(options: ConstructorParameters<typeof Carom>[1], taskId: string): Promise<void> {
  const other = new Carom('other', options)
  const remote = other.remoteTask<(a: number, b: number) => number>('signed.add', { queue: 'signed' })
  await remote.applyAsync([2, 3], { taskId }).finally(() => other.close())
}

function securityOf({ key, certificate }: typeof own, packing: 'celery-5.5' | 'celery-5.4' = 'celery-5.5') {
  return { key, certificate, certStore: own.certificate, packing }
}

test('a signed call is run, and so is one that a task sends from its child', async () => {
  assert.equal(await (await add.delay(2, 3)).get(GET), 5)
  const id = await (await addLater.delay(4, 5)).get(GET)
  assert.equal(await app.result<number>(id).get(GET), 9)
})

test('a call that a known sender signed is run, with either packing', async () => {
  for (const packing of ['celery-5.5', 'celery-5.4'] as const) {
    await sendFrom({ security: securityOf(friend, packing) }, `friend-${packing}`)
    assert.equal(await app.result<number>(`friend-${packing}`).get(GET), 5)
  }
})

test('a call that is not signed is set aside unread', async () => {
  await sendFrom({}, 'plain')
  const found = await until(
    async () => (await broker.quarantine.list()).find(({ taskId }) => taskId === 'plain') ?? null,
    {
      what: 'it is quarantined',
    },
  )
  assert.match(found.reason, /"application\/json" is refused, .*only application\/data is accepted/)
  await broker.quarantine.drop(['plain'])
})

test('a call of an unknown signer fails and is set aside', async () => {
  await sendFrom({ security: securityOf(makeIdentity({ serial: 9 })) }, 'stranger')
  await assert.rejects(
    app.result('stranger').get(GET),
    /is signed by "carom test 9", whose certificate is not in certStore/,
  )
  assert.equal(await broker.quarantine.drop(['stranger']), 1)
})

test('nobody signs with a certificate that has expired', async () => {
  await assert.rejects(sendFrom({ security: securityOf(expired) }, 'expired'), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_SECURITY_UNUSABLE'))
    assert.match(error.message, /certificate has expired/)
    return true
  })
})

test('a worker whose key cannot be read does not start, and says why', async () => {
  rmSync(join(keys, 'worker.key'))
  await assert.rejects(startWorker({ app: APP, ...START, concurrency: 1 }), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_CHILD_START'))
    assert.match(String((error.cause as Error).message), /key is neither PEM nor the path of a file .*ENOENT/)
    return true
  })
})
