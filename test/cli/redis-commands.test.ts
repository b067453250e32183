/** Commands on a store of Redis, whose queues no program can list. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { answer, carom, ownerOf, project, SHOP } from './cli-process.ts'

const options = { skip: noRedis, timeout: 50_000 }
let server: RedisServer
before(async () => {
  if (noRedis === false) server = await startRedis(['--requirepass', 'hunter2'])
})
after(() => server?.remove())

function place(t: Parameters<typeof ownerOf>[0], db: number) {
  const broker = `redis://:hunter2@127.0.0.1:${server.port}/${db}`
  return { cwd: project(ownerOf(t)), env: { CAROM_BROKER_URL: broker } }
}

test(
  "status names host, port and database, never the password, and counts the app's own queues",
  options,
  async (t) => {
    const at = place(t, 3)
    const client = server.client(3, 'hunter2')
    t.after(() => client.disconnect())
    // Pushed by somebody else: no Carom process has met this queue.
    await client.lpush('shop', '{}')
    const status = ['status', '--app', SHOP, '--timeout', '10ms']
    const [text, json] = await Promise.all([carom(status, at), answer(status, at)])
    assert.match(text.stdout, new RegExp(`\\nStore {7}redis://127\\.0\\.0\\.1:${server.port}/3 \\(redis\\)\\n`))
    assert.match(text.stdout, /\nshop {9}1 {8}0 {8}0\n$/)
    assert.doesNotMatch(`${text.stdout}${text.stderr}${JSON.stringify(json)}`, /hunter2/)
    assert.deepEqual(json.queues, [{ queue: 'shop', waiting: 1, delayed: 0, claimed: 0 }])
    assert.deepEqual(await answer(['purge', 'shop', '--name', 'shop', '--yes'], at), { queue: 'shop', purged: 1 })
  },
)

test('a Redis that is not there ends a command with the code of a store', options, async (t) => {
  const { cwd } = place(t, 4)
  const ended = await carom(['status', '--name', 'shop', '--json'], {
    cwd,
    env: { CAROM_BROKER_URL: 'redis://:hunter2@127.0.0.1:1/0?commandTimeoutMs=300' },
  })
  assert.equal(ended.code, 4)
  assert.match(ended.stderr, /CAROM_STORE_UNAVAILABLE.*127\.0\.0\.1:1\/0.*ECONNREFUSED/)
  assert.doesNotMatch(`${ended.stdout}${ended.stderr}`, /hunter2/)
})
