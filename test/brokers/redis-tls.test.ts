/** Redis behind TLS, and at a Unix socket. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { folderFor } from '../conformance/open.ts'
import { acked, claimOne, consumerOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { freePort, noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'

const noOpenssl =
  (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',').includes('openssl') && 'openssl is not installed'
const options = { skip: noRedis, timeout: 25_000 }
const withTls = { ...options, skip: noRedis || noOpenssl }

test('with TLS a server is used whose certificate is trusted, and no other', withTls, async (t) => {
  const folder = await folderFor(t)
  const ca = certificate(folder, 'ca', ['-addext', 'basicConstraints=critical,CA:TRUE'])
  const stranger = certificate(folder, 'stranger', ['-addext', 'basicConstraints=critical,CA:TRUE'])
  const issued = ['-CA', ca.certificate, '-CAkey', ca.key, '-addext', IS_LOCALHOST]
  const { place } = await tlsServer(t, certificate(folder, 'server', issued), ca.certificate)
  await works(t, `rediss://${place}/0?ssl_cert_reqs=required&ssl_ca_certs=${ca.certificate}`)
  await works(t, `rediss://${place}/1?ssl_ca_certs=${ca.certificate}`)
  await works(t, `rediss://${place}/2?ssl_cert_reqs=none`)
  // What nobody issued whom this machine trusts, what another issued, what was issued for another name.
  await refused(`rediss://${place}/0`, /certificate.*Check ssl_ca_certs/)
  await refused(`rediss://${place}/0?ssl_ca_certs=${stranger.certificate}`, /certificate.*Check ssl_ca_certs/)
  const [, port = ''] = place.split(':')
  const misnamed = `rediss://localhost:${port}/0?ssl_ca_certs=${ca.certificate}`
  await refused(misnamed, /does not match certificate.*the name and dates/)
  await refused(`rediss://${place}/0?ssl_ca_certs=${join(folder, 'none.pem')}`, /ENOENT.*Check ssl_ca_certs/)
  // Spoken to without TLS it says nothing that could be read.
  await refused(`redis://${place}/0?commandTimeoutMs=500`, /Check that it runs/)
})

test('a server that asks for a certificate of the client gets it', withTls, async (t) => {
  const folder = await folderFor(t)
  const ca = certificate(folder, 'ca', ['-addext', 'basicConstraints=critical,CA:TRUE'])
  const issued = ['-CA', ca.certificate, '-CAkey', ca.key, '-addext', IS_LOCALHOST]
  const { place } = await tlsServer(t, certificate(folder, 'server', issued), ca.certificate, 'yes')
  const client = certificate(folder, 'client', ['-CA', ca.certificate, '-CAkey', ca.key])
  const trusted = `rediss://${place}/0?commandTimeoutMs=2000&ssl_ca_certs=${ca.certificate}`
  await works(t, `${trusted}&ssl_certfile=${client.certificate}&ssl_keyfile=${client.key}`)
  await refused(trusted, /certificate.*Check ssl_ca_certs, ssl_certfile/)
})

test('a certificate that turns bad in mid-run is not used, and work goes on with a good one', withTls, async (t) => {
  const folder = await folderFor(t)
  const ca = certificate(folder, 'ca', ['-addext', 'basicConstraints=critical,CA:TRUE'])
  const issuedBy = ({ certificate, key }: Files) => ['-CA', certificate, '-CAkey', key, '-addext', IS_LOCALHOST]
  const good = certificate(folder, 'server', issuedBy(ca))
  const stranger = certificate(folder, 'stranger', ['-addext', 'basicConstraints=critical,CA:TRUE'])
  const bad = certificate(folder, 'other', issuedBy(stranger))
  const { place, server } = await tlsServer(t, good, ca.certificate)
  const admin = server.client()
  afterwards(t, () => admin.disconnect())
  const show = async ({ certificate, key }: Files) => {
    await admin.call('CONFIG', 'SET', 'tls-cert-file', certificate, 'tls-key-file', key)
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  }
  const broker = await openBroker(`rediss://${place}/0?ssl_ca_certs=${ca.certificate}`, { appName: 'test' })
  afterwards(t, () => broker.close())
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['held', 'waiting']))
  const held = await claimOne(consumer)
  await show(bad)
  const connections = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1])
  const before = await connections()
  const untrusted = { code: 'CAROM_STORE_UNAVAILABLE', message: /certificate.*Check ssl_ca_certs/ }
  for (let round = 0; round < 5; round++) await assert.rejects(broker.publish([outgoing()]), untrusted)
  await assert.rejects(consumer.claim(1, { signal: AbortSignal.timeout(5_000) }), untrusted)
  await assert.rejects(consumer.settle([acked(held)]), untrusted)
  const tries = (await connections()) - before
  assert.ok(tries <= 2 * 7, `seven calls made ${tries} connections`)
  await show(good)
  await broker.publish([outgoing({ id: 'new' })])
  assert.deepEqual(await consumer.settle([acked(held)]), ['settled'])
  for (const id of ['waiting', 'new']) assert.equal((await claimOne(consumer)).message.headers.id, id)
})

test('a server at a Unix socket is used, in the database that the URL names', options, async (t) => {
  const folder = await folderFor(t)
  const path = join(folder, 'a redis.sock')
  const server = await startRedis(['--unixsocket', path, '--unixsocketperm', '700'])
  afterwards(t, () => server.remove())
  await works(t, `redis+socket://${path.replaceAll(' ', '%20')}?virtual_host=3`)
  const client = server.client(3)
  afterwards(t, () => client.disconnect())
  assert.equal(await client.exists('celery-task-meta-a'), 1)
  await works(t, `socket://${path.replaceAll(' ', '%20')}`)
  await refused(`redis+socket://${path}.gone?commandTimeoutMs=500`, /ENOENT.*Check that it runs/)
})

const IS_LOCALHOST = 'subjectAltName=IP:127.0.0.1'

/** Publishes, claims, stores a result that somebody waits for. */
async function works(t: TestContext, url: string): Promise<void> {
  const { openBackend } = await import('../../src/results/open.ts')
  const broker = await openBroker(url, { appName: 'test' })
  const backend = await openBackend(url, { appName: 'test' })
  afterwards(t, () => Promise.all([broker.close(), backend.close()]))
  const waiting = backend.wait('a', { signal: AbortSignal.timeout(10_000) })
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'a' })])
  const settled = await consumer.settle([acked(await claimOne(consumer), { result: meta('a') })])
  assert.deepEqual([settled, (await waiting).status], [['settled'], 'SUCCESS'])
}

async function refused(url: string, text: RegExp): Promise<void> {
  const startedMs = performance.now()
  await assert.rejects(openBroker(url, { appName: 'test' }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'CAROM_STORE_UNAVAILABLE')
    assert.match(error.message, text)
    return true
  })
  assert.ok(performance.now() - startedMs < 5_000, 'it was not said in time')
}

interface Files {
  readonly key: string
  readonly certificate: string
}

/** Signed by itself, where `settings` name no issuer. */
function certificate(folder: string, name: string, settings: readonly string[]): Files {
  const files = { key: join(folder, `${name}.key`), certificate: join(folder, `${name}.pem`) }
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', `/CN=carom ${name}`, '-keyout', files.key, '-out', files.certificate]
  execFileSync('openssl', ['req', '-x509', ...made, ...subject, ...settings], { stdio: 'pipe', timeout: 10_000 })
  return files
}

/** `place` is its host and port. */
async function tlsServer(
  t: TestContext,
  { key, certificate }: Files,
  ca: string,
  clients = 'no',
): Promise<{ readonly place: string; readonly server: RedisServer }> {
  const port = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', ca]
  const server = await startRedis(['--tls-port', String(port), '--tls-auth-clients', clients, ...files])
  afterwards(t, () => server.remove())
  return { place: `127.0.0.1:${port}`, server }
}
