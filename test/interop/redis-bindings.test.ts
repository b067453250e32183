/** Messages that went through an exchange and were held by a Python worker that died: given back by kombu's bindings. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { boundQueues } from '../../src/brokers/redis/bindings.ts'
import { restoreForeign } from '../../src/brokers/redis/foreign.ts'
import { storeWith } from '../brokers/redis-place.ts'
import { openerOf } from '../conformance/open.ts'
import { claimOne, consumerOf } from '../conformance/store.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { noCelery, startPythonClient } from './python.ts'

const options = { skip: noRedis || noCelery, timeout: 30_000 }
let server: RedisServer
let db = 0
before(async () => {
  if (options.skip === false) server = await startRedis()
})
after(() => server?.remove())

test(
  'what came by a direct or a topic exchange goes back to the queues bound to it, by priority',
  options,
  async (t) => {
    for (const [type, binding, routingKey] of [
      ['direct', 'orders.new', 'orders.new'],
      ['topic', 'orders.*.eu', 'orders.new.eu'],
      ['topic', '#', 'orders.new'],
      ['topic', 'ünï-1.#', 'ünï-1.a.b'],
    ]) {
      const url = server.url(db++)
      const python = startPythonClient(t, url, 'kombu_probe.py')
      const client = server.client(db - 1)
      t.after(() => client.disconnect())
      await client.sadd('_kombu.binding.shop', 'orders\x06\x16^orders$\x06\x16other', 'other\x06\x16\x06\x16other')
      const route = { exchange: 'shop', type, queue: 'q', binding, routing_key: routingKey, id: 'a', priority: 6 }
      const held = (await python.ask({ command: 'route', ...route })) as { headers: { id: string } } | null
      assert.equal(held?.headers.id, 'a', `${binding} ${routingKey}`)
      assert.equal(
        await restoreForeign(storeWith(t, url, { visibilityTimeoutMs: -1_000 })),
        1,
        `${binding} ${routingKey}`,
      )
      assert.equal(await client.exists('other', 'unacked'), 0)
      const { broker } = await openerOf(t, url)()
      const { message, token } = await claimOne(await consumerOf(broker))
      assert.deepEqual([message.headers.id, message.headers.redelivered], ['a', true])
      assert.match(token, /\.6\.\d+\.q$/)
    }
  },
)

test('a key of a topic exchange means what kombu says, pair by pair', options, async (t) => {
  const words = ['a', 'b', '*', '#']
  const keys = words.flatMap((one) => [
    one,
    ...words.flatMap((two) => [`${one}.${two}`, `${one}.${two}.a`, `a.${one}.${two}`]),
  ])
  keys.push('', '.', '*.', '.#', 'a..b', 'a-b.*', 'a_b', 'ü.#', 'a+.b', '[a].*', '(a|b)', 'a b.*', '$^', '\\d.#')
  const routingKeys = ['', '.', 'a', 'b', 'ab', 'a.b', 'a.b.a', 'a.a.a', 'a.', '.a', 'a..b', 'b.a.c.a', 'a.b.c.d.a']
  routingKeys.push(
    'a-b.x',
    'a_b',
    'axb',
    'ü.x.y',
    'a+.b',
    'aa.b',
    '[a].x',
    'a.x',
    '(a|b)',
    'a b.c',
    '$^',
    '\\d.1',
    '5.1',
  )
  const pairs = keys.flatMap((key) => routingKeys.map((routingKey) => [key, routingKey] as const))
  const python = startPythonClient(t, server.url(db++), 'kombu_probe.py')
  const said = (await python.ask({ command: 'topics', pairs })) as { patterns: string[]; matches: boolean[] }
  for (const [index, [key, routingKey]] of pairs.entries()) {
    const bound = boundQueues([`${key}\x06\x16${said.patterns[index]}\x06\x16q`], routingKey)
    assert.deepEqual(bound, said.matches[index] ? ['q'] : [], `${key} ${routingKey}`)
  }
  assert.ok(said.matches.filter(Boolean).length > 100)
})

test('a pattern that is not of its key, or is a program, leads nowhere, and none takes long', options, () => {
  const lead = (key: string, pattern: string, routingKey: string) =>
    boundQueues([`${key}\x06\x16${pattern}\x06\x16q`], routingKey)
  assert.deepEqual(lead('a', '^b$', 'a'), [])
  assert.deepEqual(lead('(a+)+', '^(a+)+$', 'aaa'), [])
  assert.deepEqual(lead('a*', '^a*$', 'aaa'), [])
  const startedMs = performance.now()
  const pattern = `^${Array.from({ length: 128 }, () => '.*?').join('\\.')}$`
  assert.deepEqual(lead('#.'.repeat(127).concat('#'), pattern, 'a'.repeat(255)), [])
  assert.deepEqual(lead('#.'.repeat(127).concat('#'), pattern, '.'.repeat(255)), ['q'])
  assert.ok(performance.now() - startedMs < 1_000)
})
