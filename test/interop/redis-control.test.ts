/** Remote control across the languages on one Redis, with both command lines. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '../support/wait.ts'
import { control } from './control.ts'
import { APP, ledger, mixedCluster, skip } from './mixed-lab.ts'
import { celeryCommand } from './python.ts'

const options = { skip, timeout: 30_000 }
const mixed = mixedCluster()
control(mixed)
const PYTHON_NODE = `py${process.pid}@here`
const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

async function celery(...args: readonly string[]): Promise<string> {
  return (await celeryCommand(mixed.url, ['-A', 'mixed', ...args])).stdout
}

/** What Python's client reads as the replies of these workers. */
async function inspect(method: string, destination: readonly string[]): Promise<Record<string, unknown>> {
  return (await mixed.python.ask({ command: 'inspect', method, destination })) as Record<string, unknown>
}

/** What `carom inspect` replies, as JSON. */
async function caromInspect(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'inspect', ...args, '--app', APP, '--json'])
  return JSON.parse(stdout) as Record<string, unknown>
}

test('celery status and celery inspect ping show the workers of both languages', options, async () => {
  const status = await celery('status', '--timeout', '2')
  assert.match(status, /ts@here: OK/)
  assert.match(status, new RegExp(`${PYTHON_NODE}: OK`))
  assert.match(status, /2 nodes online/)
  const ping = await celery('inspect', 'ping', '--destination', 'ts@here')
  assert.match(ping, /ts@here: OK\s+pong/)
})

test('celery inspect reads what a Carom worker says of itself', options, async () => {
  const ask = async (method: string) => (await inspect(method, ['ts@here']))['ts@here']
  const stats = (await ask('stats')) as Record<string, unknown>
  assert.equal(stats.pid, process.pid)
  assert.equal(typeof stats.pool, 'object')
  assert.equal(typeof stats.total, 'object')
  assert.ok(((await ask('registered')) as string[]).includes('ts.add'))
  assert.deepEqual(await ask('active'), [])
  const id = await mixed.python.ask({ command: 'send', task: 'ts.noted', args: [5] })
  await until(() => ledger().some(({ taskId }) => taskId === id), { what: 'it runs' })
  const [active] = (await ask('active')) as Record<string, unknown>[]
  const { id: shown, name, hostname, delivery_info: from } = active ?? {}
  assert.deepEqual([shown, name, hostname], [id, 'ts.noted', 'ts@here'])
  assert.equal((from as { routing_key: unknown }).routing_key, 'ts')
})

test('what a Carom worker does not know of remote control it says as a Python worker does', options, async () => {
  for (const method of ['reserved', 'scheduled', 'revoked', 'active_queues', 'conf']) {
    const replies = await inspect(method, ['ts@here', PYTHON_NODE])
    assert.deepEqual(replies['ts@here'], { error: `KeyError('${method}')` }, method)
    assert.notEqual(replies[PYTHON_NODE], undefined)
  }
  const revoked = await mixed.python.ask({ command: 'revoke', destination: ['ts@here'] })
  assert.deepEqual(revoked, [{ 'ts@here': { error: "KeyError('revoke')" } }])
})

test('carom inspect reads what a Python worker says of itself', options, async () => {
  assert.deepEqual(await caromInspect('ping', '--timeout', '2s'), {
    [PYTHON_NODE]: { ok: 'pong' },
    'ts@here': { ok: 'pong' },
  })
  const registered = await caromInspect('registered', '--destination', PYTHON_NODE, '--timeout', '5s')
  assert.ok((registered[PYTHON_NODE] as string[]).includes('py.add'))
  const stats = await caromInspect('stats', '--destination', PYTHON_NODE, '--timeout', '5s')
  assert.equal((stats[PYTHON_NODE] as Record<string, unknown>).pid, mixed.pythonWorker.process.pid)
})

test('carom inspect shows a Python worker to people', options, async () => {
  for (const method of ['stats', 'active']) {
    const args = ['inspect', method, '--app', APP, '--destination', `${PYTHON_NODE},ts@here`, '--timeout', '5s']
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args])
    assert.match(stdout, new RegExp(PYTHON_NODE), method)
    assert.match(stdout, /ts@here/, method)
  }
})
