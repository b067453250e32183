/** Celery's own client and worker, for Python, against Carom's, on one RabbitMQ. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../src/brokers/open.ts'
import { Carom } from '../../src/index.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'

const PYTHON = '/usr/bin/python3'
const root = fileURLToPath(new URL('../../..', import.meta.url))
const build = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const python = (name: string) => join(root, 'test/interop/fixtures', name)

const skip = withoutRabbit() || (!existsSync('/usr/lib/python3/dist-packages/celery') && '!! python3-celery is missing')
let url = ''
before(
  async () => {
    if (skip !== false) return
    const server = await rabbit()
    url = server.url(await server.vhost())
  },
  { timeout: 60_000 },
)

async function startCaromWorker(t: TestContext, node: string): Promise<void> {
  const options = { app: build('./fixtures/amqp-tasks.js'), concurrency: 1, node }
  const child = spawn(process.execPath, [build('../worker/fixtures/worker-process.js'), JSON.stringify(options)], {
    env: { ...process.env, CAROM_BROKER_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
}

async function runPython(t: TestContext, name: string, ...words: string[]): Promise<string> {
  const child = spawn(PYTHON, [python(name), ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let [output, complaint] = ['', '']
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (complaint += chunk))
  const [code] = await once(child, 'close')
  assert.equal(code, 0, complaint)
  return output
}

test('a Python client calls Carom tasks, reads their results, and asks the worker', {
  skip,
  timeout: 55_000,
}, async (t) => {
  await startCaromWorker(t, 'carom@test')
  const seen = JSON.parse(await runPython(t, 'amqp_client.py', url, 'carom@test'))
  assert.deepEqual(seen, {
    add: 5,
    kwargs: { text: 'ünï 🎱', data: { a: [1, null, 2.5], b: {} } },
    later: 23,
    gzip: true,
    many: 2450,
    refused: ['TypeError', ['no such thing']],
    ping: { 'carom@test': { ok: 'pong' } },
    registered: { 'carom@test': ['interop.add', 'interop.describe', 'interop.refuse'] },
  })
})

test('a Carom client calls the tasks of a Python worker, and asks it', { skip, timeout: 55_000 }, async (t) => {
  const worker = spawn(PYTHON, [python('amqp_worker.py'), url, 'python'], { stdio: 'ignore' })
  t.after(() => worker.kill('SIGKILL'))
  const app = new Carom('client', { broker: url, resultBackend: 'rpc://' })
  const broker = await openBroker(url, { appName: 'client' })
  t.after(() => Promise.all([app.close(), broker.close()]))
  const add = app.remoteTask<(a: number, b: number) => number>('python.add', { queue: 'python' })
  const headers = app.remoteTask<() => Record<string, unknown>>('python.headers', { queue: 'python' })
  const fail = app.remoteTask<(message: string) => number>('python.fail', { queue: 'python' })

  const first = await add.delay(2, 3)
  assert.equal(await first.get({ timeoutMs: 30_000 }), 5)
  const ping = { method: 'ping', arguments: {}, destination: ['python@test'] }
  const pong = await until(
    async () => {
      const replies = await broker.mailbox.ask(ping, { timeoutMs: 1_000, limit: 1 })
      return replies['python@test']
    },
    { what: 'the Python worker answers' },
  )
  assert.deepEqual(pong, { ok: 'pong' })
  const results = await add.applyMany(Array.from({ length: 20 }, (_, n): [number, number] => [n, 1]))
  const sums = await Promise.all(results.map((result) => result.get({ timeoutMs: 20_000 })))
  assert.deepEqual(
    sums,
    Array.from({ length: 20 }, (_, n) => n + 1),
  )
  const asked = await headers.applyAsync([], { headers: { 'x-list': [1, null, { deep: 'ü' }] } })
  assert.deepEqual(await asked.get({ timeoutMs: 20_000 }), {
    id: asked.id,
    timelimit: [null, null],
    retries: 0,
    'x-list': [1, null, { deep: 'ü' }],
    routing_key: 'python',
  })
  const failed = await fail.delay('nothing doing')
  await assert.rejects(failed.get({ timeoutMs: 20_000 }), { code: 'CAROM_TASK_FAILED', name: 'ValueError' })
  const startedMs = Date.now()
  const later = await add.applyAsync([40, 2], { countdownMs: 1_200 })
  assert.equal(await later.get({ timeoutMs: 20_000 }), 42)
  assert.ok(Date.now() >= startedMs + 1_200, 'it ran too early')
})
