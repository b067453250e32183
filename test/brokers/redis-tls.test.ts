/** A Redis that is reached by TLS alone: whose certificate is believed, and whose is not. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { afterwards, folderFor } from '../conformance/open.ts'
import { outgoing } from '../conformance/store.ts'
import { makeCertificate, noOpenssl } from '../support/certificate.ts'
import { freePort, noRedis, startRedis } from '../support/redis-server.ts'

const options = { skip: noRedis || noOpenssl, timeout: 30_000 }

async function startWithTls(t: TestContext, more: readonly string[] = []) {
  const { key, certificate } = makeCertificate(await folderFor(t))
  const port = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
  const server = await startRedis(['--tls-port', String(port), ...files, ...more])
  afterwards(t, () => server.remove())
  return { port, key, certificate }
}

async function publishTo(t: TestContext, url: string): Promise<void> {
  const broker = await openBroker(url, { appName: 'test' })
  afterwards(t, () => broker.close())
  await broker.publish([outgoing()])
  assert.equal((await broker.depths())[0]?.waiting, 1)
  await broker.purge('q')
}

test(
  'a server with a certificate of its own is believed where the URL names it, or asks for no check',
  options,
  async (t) => {
    const { port, certificate } = await startWithTls(t, ['--tls-auth-clients', 'no'])
    const warnings: string[] = []
    const note = (warning: Error) => warnings.push(warning.message)
    process.on('warning', note)
    t.after(() => process.off('warning', note))
    for (const host of ['localhost', '127.0.0.1']) {
      await publishTo(t, `rediss://${host}:${port}/0?ssl_ca_certs=${certificate}`)
      await publishTo(t, `rediss://${host}:${port}/0?ssl_cert_reqs=none`)
      await assert.rejects(
        openBroker(`rediss://:hunter2@${host}:${port}/0?commandTimeoutMs=500`, { appName: 'test' }),
        (error: Error) => isCaromError(error, 'CAROM_STORE_UNAVAILABLE') && /certificate/.test(error.message),
      )
    }
    assert.deepEqual(warnings, [])
  },
)

test('a server that wants to see a certificate is shown that of the URL', options, async (t) => {
  const { port, key, certificate } = await startWithTls(t)
  const url = `rediss://localhost:${port}/0?ssl_ca_certs=${certificate}&commandTimeoutMs=500`
  await publishTo(t, `${url}&ssl_certfile=${certificate}&ssl_keyfile=${key}`)
  await assert.rejects(openBroker(url, { appName: 'test' }), (error) => isCaromError(error, 'CAROM_STORE_UNAVAILABLE'))
})
