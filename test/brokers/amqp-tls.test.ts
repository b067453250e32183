/** A RabbitMQ that is reached by TLS: whose certificate is believed, and whose is not. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { makeCertificate, noOpenssl } from '../support/certificate.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { freePort } from '../support/redis-server.ts'

const skip = withoutRabbit() || noOpenssl
const limits = { skip, timeout: 50_000 }
const folder = mkdtempSync(join(tmpdir(), 'carom-tls-'))
const OPEN = new URL('../../src/brokers/open.js', import.meta.url).href
let server: RabbitServer
let port = 0
let certificate = ''

before(
  async () => {
    if (skip !== false) return
    const made = makeCertificate(folder)
    certificate = made.certificate
    port = await freePort()
    const files = [`cacertfile = ${certificate}`, `certfile = ${certificate}`, `keyfile = ${made.key}`]
    const config = [`listeners.ssl.default = 127.0.0.1:${port}`, ...files.map((line) => `ssl_options.${line}`)]
    server = await startRabbit(config)
  },
  { timeout: 60_000 },
)
after(async () => {
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

test('a certificate that nobody here trusts is refused, and the password goes nowhere', limits, async () => {
  const opening = openBroker(`amqps://guest:guest@localhost:${port}`, { appName: 'test' })
  await assert.rejects(opening, (error: Error) => {
    assert.match(error.message, /certificate/)
    assert.doesNotMatch(error.message, /guest/)
    return isCaromError(error, 'CAROM_STORE_UNAVAILABLE')
  })
})

test('a certificate that NODE_EXTRA_CA_CERTS names is believed', limits, () => {
  const script = `
    const { openBroker } = await import(${JSON.stringify(OPEN)})
    for (const host of ['localhost', '127.0.0.1']) {
      const broker = await openBroker('amqps://guest:guest@' + host + ':${port}', { appName: 'test' })
      console.log(broker.store, await broker.purge('q'))
      await broker.close()
    }`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
  })
  assert.equal(stderr, '')
  assert.equal(stdout, `amqps://localhost:${port}/%2F 0\namqps://127.0.0.1:${port}/%2F 0\n`)
})
