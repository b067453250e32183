/** Signed messages between a Celery with `security_key` and a Carom with `security`: clients and workers of both. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { Carom } from '../../src/index.ts'
import { makeIdentity } from '../message/certificate-maker.ts'
import { lacking } from '../message/python.ts'
import { until } from '../support/wait.ts'
import { GET, mixedCluster, on, runWorkflow, skip } from './mixed-lab.ts'

const options = { skip: skip || lacking('python3-cryptography'), timeout: 40_000 }
const folder = mkdtempSync(join(tmpdir(), 'carom-signed-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const [carom, python, stranger] = [
  makeIdentity({ serial: 1 }),
  makeIdentity({ serial: 2 }),
  makeIdentity({ serial: 3 }),
]
const path = (name: string) => join(folder, name)
mkdirSync(path('known'))
writeFileSync(path('python.key'), python.key)
writeFileSync(path('known/python.pem'), python.certificate)
writeFileSync(path('known/carom.pem'), carom.certificate)
const packing = 'celery-5.4'
process.env.MIXED_SECURITY = JSON.stringify({ ...carom, certStore: path('known'), packing })

const mixed = options.skip
  ? null
  : mixedCluster({
      config: {
        security_key: path('python.key'),
        security_certificate: path('known/python.pem'),
        security_cert_store: path('known/*.pem'),
        task_serializer: 'auth',
        accept_content: ['auth'],
        // Neither side signs results.
        result_accept_content: ['json'],
      },
    })
const cluster = () => {
  assert.ok(mixed)
  return mixed
}

test('calls, errors and a chain of both go both ways, all of them signed', options, async () => {
  const { python, carom } = cluster()
  assert.equal((await python.call('ts.add', { args: [2, 3] })).value, 5)
  assert.equal((await python.call('ts.fails', { args: ['TypeError'] })).error?.type, 'TypeError')
  assert.equal(await (await carom.python.add.delay(2, 3)).get(GET), 5)
  await assert.rejects((await carom.python.fails.delay('value')).get(GET), { name: 'ValueError' })
  const steps = ['chain', on('py', 'add', [1, 2]), on('ts', 'add', [10]), on('py', 'add', [100])] as const
  assert.equal((await runWorkflow(cluster())(steps)).value, 113)
})

test('a Python worker refuses what is not signed, or by somebody unknown, and lives', options, async () => {
  const { url, pythonWorker, carom } = cluster()
  const refused: [ConstructorParameters<typeof Carom>[1], RegExp][] = [
    [{}, /Refusing to deserialize untrusted content of type json/],
    [{ security: { ...stranger, certStore: path('known'), packing } }, /Can't decode message body[\s\S]*certificate/i],
  ]
  for (const [settings, said] of refused) {
    const other = new Carom('other', { broker: url, ...settings })
    await other.remoteTask<(x: number, y: number) => number>('py.add', { queue: 'py' }).delay(2, 3)
    await other.close()
    await until(() => said.test(pythonWorker.log()), { what: `${said} is logged`, withinMs: 10_000 })
  }
  assert.equal(await (await carom.python.add.delay(2, 3)).get(GET), 5)
})

test('a Carom worker sets aside what Python has not signed', options, async () => {
  const { url, python } = cluster()
  const broker = await openBroker(url, { appName: 'test' })
  cluster().scope.after(() => broker.close())
  const failed = await python.call('ts.add', {
    args: [2, 3],
    options: { serializer: 'json', task_id: 'plain' },
    timeout: 1,
  })
  assert.notEqual(failed.state, 'SUCCESS')
  const found = await until(async () => (await broker.quarantine.list())[0] ?? null, { what: 'it is quarantined' })
  assert.equal(found.taskId, 'plain')
  assert.match(found.reason, /"application\/json" is refused, .*only application\/data is accepted/)
  assert.equal((await python.call('ts.add', { args: [2, 3] })).value, 5)
})
