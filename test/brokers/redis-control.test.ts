/** Remote control as strangers use it: no pattern runs away, no reply goes anywhere but to an asker. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { ControlRequest } from '../../src/brokers/broker.ts'
import { matchesNode } from '../../src/brokers/node-pattern.ts'
import { requestEnvelope } from '../../src/brokers/redis/pidbox.ts'
import { outgoing } from '../conformance/store.ts'
import { projectRoot } from '../message/wire-fixtures.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }
const ping = { method: 'ping', arguments: {}, destination: null }

test('a glob means what Python says', () => {
  const cases: [string, string, boolean][] = [
    ['shop@*', 'shop@here', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['*@here', 'shop@here', true],
    ['*@her', 'shop@here', false],
    ['s?op@*e*', 'shop@here', true],
    ['s?op', 'sop', false],
    ['[a-s]hop', 'shop', true],
    ['[!a-s]hop', 'shop', false],
    ['[!x]hop', 'shop', true],
    ['[]x]hop', ']hop', true],
    ['[!]x]hop', ']hop', false],
    ['[a-]', '-', true],
    ['[hop', '[hop', true],
    ['a.c', 'abc', false],
    ['a\\c', 'a\\c', true],
    ['**a**', 'bab', true],
    ['*ab*ab', 'abab', true],
    ['*ab*ab', 'aab', false],
  ]
  for (const [glob, node, matches] of cases) assert.equal(matchesNode(node, glob, 'glob'), matches, `${glob} ${node}`)
})

test('an expression is matched from the beginning, and one that may run away means nobody', () => {
  const node = 'shop@vm-1'
  for (const good of ['shop', 's.*@vm', 'shop@vm-\\d+$', '^shop', 'x|shop', '[a-z]+@', 's.{2}p', 's.??hop|']) {
    assert.equal(matchesNode(node, good, 'pcre'), true, good)
  }
  const bad = ['hop', '(shop)', '(?:.|.)*x', '(?=shop)', 's.*h.*o.*p.*', 's**', '[', 'shop{', '\\', 'x'.repeat(300)]
  for (const pattern of bad) assert.equal(matchesNode(node, pattern, 'pcre'), false, pattern)
  assert.equal(matchesNode(node, 'shop', 'other'), false)
})

test('no pattern takes long', () => {
  const node = `${'a'.repeat(254)}b`
  const patterns: [string, string][] = [
    [`${'*a'.repeat(127)}`, 'glob'],
    [`${'['.repeat(255)}`, 'glob'],
    [`(${'.|'.repeat(20)}.)*\u0001`, 'pcre'],
    ['(a+)+c', 'pcre'],
    [`${'a?'.repeat(60)}${'a'.repeat(60)}`, 'pcre'],
    ['.*.*.*c', 'pcre'],
    ['.{1,255}.{1,255}.{1,255}c', 'pcre'],
    ['\\'.repeat(255), 'pcre'],
    ['[\\'.repeat(127), 'pcre'],
    ['{1'.repeat(127), 'pcre'],
    [`${'?'.repeat(200)}(`, 'pcre'],
    [`${'a{1}'.repeat(60)}(`, 'pcre'],
  ]
  for (const [pattern, matcher] of patterns) {
    const startedMs = performance.now()
    assert.equal(matchesNode(node, pattern, matcher), false)
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs < 1_000, `${pattern} took ${tookMs} ms`)
  }
})

test('a reply goes into no queue but that of an asker', options, async (t) => {
  const { broker, client, url } = await redis.place(t)
  await broker.publish([outgoing()])
  let asked = 0
  await broker.mailbox.serve('n@here', async () => ++asked)
  const envelope = JSON.parse(requestEnvelope(ping, { ticket: 't', replyKey: 'q', expiresMs: Date.now() + 5_000 }))
  const body = JSON.parse(Buffer.from(envelope.body, 'base64').toString())
  // The binding of a queue of tasks to the exchange of its own name.
  const hostile = { ...body, reply_to: { exchange: 'q', routing_key: 'q' } }
  const text = JSON.stringify({ ...envelope, body: Buffer.from(JSON.stringify(hostile)).toString('base64') })
  const channel = `/${new URL(url).pathname.slice(1)}.celery.pidbox`
  assert.equal(await client.publish(channel, text), 1)
  // One connection does one after the other: the answer to the second comes after that to the first.
  const replies = await broker.mailbox.ask(ping, { timeoutMs: 5_000, limit: 1 })
  assert.deepEqual({ ...replies }, { 'n@here': 2 })
  assert.equal(await client.llen('q'), 1)
  assert.equal(await client.pttl('q'), -1)
})

test(
  'every request that Celery 5.2 was seen to send is heard as what it is, and answered where it asks',
  options,
  async (t) => {
    const { broker, client, url } = await redis.place(t)
    const heard: ControlRequest[] = []
    await broker.mailbox.serve('w1@test', async (request) => {
      heard.push(request)
      return { ok: request.method }
    })
    const path = join(projectRoot(), 'test/fixtures/wire-control/redis-52-requests.json')
    const { requests } = JSON.parse(readFileSync(path, 'utf8')) as { requests: Record<string, string> }
    assert.ok(Object.keys(requests).length >= 40)
    for (const [name, raw] of Object.entries(requests)) {
      const body = JSON.parse(Buffer.from(JSON.parse(raw).body, 'base64').toString())
      const { exchange, routing_key: key } = body.reply_to ?? {}
      const queue = `${key}.${exchange}`
      if (body.reply_to !== undefined) await client.sadd(`_kombu.binding.${exchange}`, `${key}\x06\x16\x06\x16${queue}`)
      assert.equal(await client.publish(`/${new URL(url).pathname.slice(1)}.celery.pidbox`, raw), 1)
      await until(() => heard.length === 1, { what: `${name} is heard` })
      const { method, arguments: args, destination } = heard.pop() as ControlRequest
      assert.deepEqual([method, args, destination], [body.method, body.arguments, body.destination], name)
      if (body.reply_to === undefined) continue
      const text = await until(() => client.rpop(queue), { what: `${name} is answered` })
      const reply = JSON.parse(text)
      assert.equal(reply.headers.ticket, body.ticket)
      assert.deepEqual(JSON.parse(Buffer.from(reply.body, 'base64').toString()), { 'w1@test': { ok: method } })
    }
  },
)
