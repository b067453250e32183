/** Plain calls between Python's Celery and Carom on one Redis, both ways. */
import assert from 'node:assert/strict'
import test, { after, before, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isCaromError, TaskError } from '../../src/index.ts'
import { startWorker } from '../../src/worker/index.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { noCelery, startPythonClient, startPythonWorker } from './python.ts'

const SHOP = fileURLToPath(new URL('./fixtures/shop.js', import.meta.url))
const skip = noRedis || noCelery
const timeout = 40_000
let server: RedisServer
let db = 0

before(async () => {
  if (skip === false) server = await startRedis()
})
after(() => server?.remove())

/** A database of this test's own. */
function place(): string {
  process.env.CAROM_BROKER_URL = server.url(db++)
  return process.env.CAROM_BROKER_URL
}

async function caromWorker(t: TestContext) {
  const worker = await startWorker({ app: SHOP, concurrency: 1, node: 'shop@here' })
  t.after(() => worker.stop('now'))
  return worker
}

/** A client in this process, of an app of its own. */
async function caromClient(t: TestContext) {
  const { app, python } = (await import(`./fixtures/shop.js?${db}`)) as typeof import('./fixtures/shop.ts')
  t.after(() => app.close())
  return python
}

test('a Python client calls Carom tasks and reads their results', { skip, timeout }, async (t) => {
  const url = place()
  await caromWorker(t)
  const python = startPythonClient(t, url)
  assert.equal((await python.call('shop.add', { args: [2, 3] })).value, 5)
  assert.equal((await python.call('shop.named', { kwargs: { name: 'Ada', loud: true } })).value, 'HELLO Ada')
  const odd = { text: 'ü "quoted" 🎱', list: [1, null, 2.5, { deep: [true] }] }
  assert.deepEqual((await python.call('shop.echo', { args: [odd] })).value, odd)
  const soon = await python.call('shop.add', { args: [1, 1], options: { countdown: 0.4, priority: 6 } })
  assert.equal(soon.value, 2)
})

test('an error of a Carom task arrives in Python, as a class that Python has or as one made up', {
  skip,
  timeout,
}, async (t) => {
  const url = place()
  await caromWorker(t)
  const python = startPythonClient(t, url)
  const typed = await python.call('shop.fail', { args: ['type'] })
  assert.equal(typed.state, 'FAILURE')
  assert.deepEqual(typed.error, { type: 'TypeError', module: 'builtins', args: ['not a number'] })
  assert.match(typed.traceback ?? '', /TypeError: not a number\n {4}at /)
  const own = await python.call('shop.fail', { args: ['card'] })
  assert.deepEqual([own.error?.type, own.error?.args], ['CardError', ['card declined']])
})

test('a Carom client calls Python tasks and reads their results', { skip, timeout }, async (t) => {
  const url = place()
  await startPythonWorker(t, url, { env: { RESULT_EXTENDED: '1' } })
  const python = await caromClient(t)
  assert.equal(await (await python.add.delay(2, 3)).get({ timeoutMs: 10_000 }), 5)
  const odd = { text: 'ü "quoted" 🎱', list: [1, null, 2.5, { deep: [true] }] }
  assert.deepEqual(await (await python.echo.delay(odd, 'x')).get({ timeoutMs: 10_000 }), [[odd, 'x'], {}])
  const many = await Promise.all(Array.from({ length: 50 }, (_, index) => python.add.delay(index, 1)))
  const sums = await Promise.all(many.map((result) => result.get({ timeoutMs: 20_000 })))
  assert.deepEqual(
    sums,
    many.map((_, index) => index + 1),
  )
})

test('a Python exception arrives as a TaskError with its class, message and traceback', {
  skip,
  timeout,
}, async (t) => {
  const url = place()
  await startPythonWorker(t, url)
  const python = await caromClient(t)
  const errorOf = async (kind: string) => {
    const sent = await python.fail.delay(kind)
    return sent.get({ timeoutMs: 10_000 }).then(
      () => assert.fail('it was no error'),
      (error: unknown) => error,
    )
  }
  const builtin = await errorOf('builtin')
  assert.ok(isCaromError(builtin, 'CAROM_TASK_FAILED') && builtin instanceof TaskError)
  assert.deepEqual([builtin.name, builtin.message, builtin.remoteModule], ['ValueError', 'bad value, 42', 'builtins'])
  assert.match(builtin.stack ?? '', /Traceback \(most recent call last\)[\s\S]*shop\.py/)
  const own = await errorOf('own')
  assert.ok(own instanceof TaskError)
  assert.deepEqual([own.name, own.facts.args], ['OutOfStock', ['no more', 'own', 42]])
})

test('celery inspect and control reach a Carom worker', { skip, timeout }, async (t) => {
  const url = place()
  await caromWorker(t)
  const python = startPythonClient(t, url)
  assert.deepEqual(await python.ask({ command: 'ping' }), { 'shop@here': { ok: 'pong' } })
  const registered = (await python.ask({ command: 'inspect', method: 'registered' })) as Record<string, string[]>
  assert.ok(registered['shop@here']?.includes('shop.add'))
  const byPattern = (pattern: string, matcher: string) => python.ask({ command: 'pattern', pattern, matcher })
  assert.deepEqual(await byPattern('shop@*', 'glob'), [{ 'shop@here': { ok: 'pong' } }])
  assert.deepEqual(await byPattern('s.*@he', 'pcre'), [{ 'shop@here': { ok: 'pong' } }])
  assert.deepEqual(await byPattern('other@*', 'glob'), [])
})

test('carom inspect reaches a Python worker', { skip, timeout }, async (t) => {
  const url = place()
  await startPythonWorker(t, url)
  const { openBroker } = await import('../../src/brokers/open.ts')
  const broker = await openBroker(url, { appName: 'shop' })
  t.after(() => broker.close())
  const request = { method: 'ping', arguments: {}, destination: null }
  const replies = await broker.mailbox.ask(request, { timeoutMs: 5_000, limit: 1 })
  assert.deepEqual({ ...replies }, { [`py${process.pid}@here`]: { ok: 'pong' } })
})
