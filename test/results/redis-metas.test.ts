/** Results in Redis as Celery writes and reads them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { AsyncResult } from '../../src/results/async-result.ts'
import { redisForFile } from '../brokers/redis-place.ts'
import { acked, claimOne, consumerOf, meta, outgoing } from '../conformance/store.ts'
import { projectRoot } from '../message/wire-fixtures.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 20_000 }
const KEY = 'celery-task-meta-a'

test(
  'a result is the object that Celery stores, with a lifetime, and is published under its own key',
  options,
  async (t) => {
    const { backend, broker, client } = await redis.place(t)
    const watching = client.duplicate()
    t.after(() => watching.disconnect())
    const heard: string[] = []
    watching.on('message', (channel, text) => heard.push(`${channel} ${text}`))
    await watching.subscribe(KEY)
    await backend.save([
      meta('a', { result: Buffer.from(' {"x": NaN, "big": 123456789012345678901} '), parentId: 'p', children: ['c'] }),
    ])
    const text = (await client.get(KEY)) as string
    assert.equal(
      text,
      '{"status": "SUCCESS", "result":  {"x": NaN, "big": 123456789012345678901} , "traceback":null,' +
        '"children":[[["c",null],null]],"date_done":"2025-11-23T12:13:20.123000+00:00","parent_id":"p","task_id":"a"}',
    )
    const ttl = await client.pttl(KEY)
    assert.ok(ttl > 86_390_000 && ttl <= 86_400_000, `it lives for ${ttl} ms`)
    await until(() => heard.length === 1, { what: 'it is published' })
    assert.equal(heard[0], `${KEY} ${text}`)
    // In the step that ends a message it is the same.
    await client.del(KEY)
    const consumer = await consumerOf(broker)
    await broker.publish([outgoing({ id: 'a' })])
    const result = meta('a', { result: Buffer.from('5') })
    await consumer.settle([acked(await claimOne(consumer), { result })])
    await until(() => heard.length === 2, { what: 'it is published' })
    assert.equal(heard[1], `${KEY} ${await client.get(KEY)}`)
  },
)

test(
  'a child cannot put more into a result than a value: what is no JSON is a failure that says so',
  options,
  async (t) => {
    const { backend, client } = await redis.place(t)
    const hostile = [
      '1, "status": "FAILURE"',
      '}',
      '{"a": 1}}',
      '1 2',
      '"\ud800',
      '\u{feff}1',
      "{'a': 1}",
      '[1,]',
      `${'['.repeat(600)}${']'.repeat(600)}`,
    ]
    for (const [index, value] of hostile.entries())
      await backend.save([meta(`t${index}`, { result: Buffer.from(value) })])
    await backend.save([meta('bytes', { result: Buffer.from([0x22, 0xff, 0x22]) })])
    for (const id of [...hostile.keys()].map((index) => `t${index}`).concat('bytes')) {
      const stored = JSON.parse((await client.get(`celery-task-meta-${id}`)) as string)
      assert.deepEqual([stored.status, stored.task_id], ['FAILURE', id])
      assert.match(stored.result.exc_message[0], /is not JSON/)
      const [loaded] = await backend.load([id])
      assert.equal(JSON.parse(Buffer.from(loaded?.result ?? []).toString()).carom.code, 'CAROM_RESULT_UNENCODABLE')
    }
  },
)

const PYTHONS: Readonly<Record<string, string>> = {
  success:
    '{"status": "SUCCESS", "result": 5, "traceback": null, "children": [], "date_done": "2026-11-23T03:41:04.909908", "task_id": "a"}',
  failure:
    '{"status": "FAILURE", "result": {"exc_type": "ValueError", "exc_message": ["bad", 42], "exc_module": "builtins"}, "traceback": "Traceback (most recent call last):\\n  File \\"x.py\\"\\nValueError: (\'bad\', 42)\\n", "children": [], "date_done": "2026-11-23T03:41:05.144385+01:00", "task_id": "a"}',
  children:
    '{"status": "SUCCESS", "result": NaN, "children": [[["c1", [["p", null], null]], null], [["g", null], [[["g1", null], null], [["g2", null], null]]]], "date_done": null, "group_id": "g", "parent_id": "p", "task_id": "a", "name": "t", "args": [1], "kwargs": {}, "worker": "w", "retries": 0, "queue": "q"}',
  started:
    '{"status": "STARTED", "result": {"pid": 1, "hostname": "w@h"}, "traceback": null, "children": [], "date_done": null}',
  custom: '{"status": "PROGRESS", "result": {"done": 3}, "traceback": null, "children": []}',
}

test(
  "metas of Python's are read: naive dates are UTC, children are ids, a state of its own is one of a task under way",
  options,
  async (t) => {
    const { backend, client } = await redis.place(t)
    const read = async (name: string) => {
      await client.set(KEY, PYTHONS[name] as string)
      return (await backend.load(['a']))[0]
    }
    const success = await read('success')
    assert.deepEqual([success?.status, success?.doneAtMs], ['SUCCESS', Date.UTC(2026, 10, 23, 3, 41, 4, 909)])
    const failure = await read('failure')
    assert.equal(failure?.doneAtMs, Date.UTC(2026, 10, 23, 2, 41, 5, 144))
    assert.match(failure?.traceback ?? '', /^Traceback[\s\S]*ValueError/)
    const children = await read('children')
    assert.deepEqual(children?.children, ['c1', 'g1', 'g2'])
    assert.deepEqual(
      [children?.groupId, children?.parentId, String(children && Buffer.from(children.result))],
      ['g', 'p', 'NaN'],
    )
    assert.equal((await read('started'))?.status, 'STARTED')
    assert.equal((await read('custom'))?.status, 'STARTED')
  },
)

/** State, the value or what the error is thrown as, and the number of children of every captured meta. */
const CAPTURED: Readonly<Record<string, readonly [string, unknown, number]>> = {
  success: ['SUCCESS', 5, 0],
  failure: ['FAILURE', 'ValueError', 0],
  'failure-custom-exception': ['FAILURE', 'CustomErr', 0],
  'retry-pending': ['RETRY', 'RuntimeError', 1],
  'retry-exhausted': ['FAILURE', 'RuntimeError', 0],
  revoked: ['REVOKED', 'CAROM_TASK_REVOKED', 0],
  'started-or-none-while-running': ['STARTED', undefined, 0],
  'revoked-terminated': ['REVOKED', 'CAROM_TASK_REVOKED', 0],
  expired: ['REVOKED', 'CAROM_TASK_EXPIRED', 0],
  // Celery stores nothing for what was rejected.
  reject: ['STARTED', undefined, 0],
  'link-parent-with-children': ['SUCCESS', 3, 1],
  'chain-last-with-parent_id': ['SUCCESS', 4, 0],
  'chain-first-with-children': ['SUCCESS', 2, 1],
  'group-member-with-group_id': ['SUCCESS', 2, 0],
  'chord-body': ['SUCCESS', 6, 0],
  'chord-body-error': ['FAILURE', 'ChordError', 1],
  unregistered: ['FAILURE', 'NotRegistered', 0],
  replaced: ['SUCCESS', 105, 0],
}

test('every meta that Celery 5.2 was seen to store is read, and its error thrown by name', options, async (t) => {
  const { backend, client } = await redis.place(t)
  const source = { onEnding: () => () => {}, open: async () => backend, allow: () => {} }
  const path = join(projectRoot(), 'test/fixtures/wire-results/redis-52-metas.json')
  const { metas } = JSON.parse(readFileSync(path, 'utf8')) as { metas: Record<string, { key: string; raw: string }> }
  assert.deepEqual(Object.keys(metas), Object.keys(CAPTURED))
  for (const [name, { key, raw }] of Object.entries(metas)) {
    await client.set(key, raw)
    const id = key.replace('celery-task-meta-', '')
    const [loaded] = await backend.load([id])
    assert.ok(loaded, name)
    const stored = JSON.parse(raw)
    const [status, what, children] = CAPTURED[name] ?? []
    assert.deepEqual([loaded.status, loaded.children.length], [status, children], name)
    assert.deepEqual([loaded.parentId, loaded.groupId], [stored.parent_id ?? null, stored.group_id ?? null], name)
    const handle = new AsyncResult<unknown>({ id, task: null, queue: null, ignored: false }, source)
    if (status === 'SUCCESS') assert.equal(await handle.get({ timeoutMs: 5_000 }), what, name)
    else if (status === 'FAILURE') await assert.rejects(handle.get({ timeoutMs: 5_000 }), { name: what }, name)
    else if (status === 'REVOKED') await assert.rejects(handle.get({ timeoutMs: 5_000 }), { code: what }, name)
    else assert.equal(await handle.state(), status, name)
  }
})

test(
  'what is stored under the key of a result and is none is a failure for whoever waits, and nobody else',
  options,
  async (t) => {
    const { backend, client } = await redis.place(t)
    const source = { onEnding: () => () => {}, open: async () => backend, allow: () => {} }
    const waiting = backend.wait('other', { signal: AbortSignal.timeout(10_000) })
    for (const garbage of [
      '',
      'x',
      '[]',
      '{}',
      '{"status": 7}',
      '{"status": "SUCCESS"',
      Buffer.from([0xff]),
      '[['.repeat(50_000),
    ]) {
      await client.set(KEY, garbage)
      const handle = new AsyncResult({ id: 'a', task: null, queue: null, ignored: false }, source)
      await assert.rejects(handle.get({ timeoutMs: 5_000 }), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CAROM_MESSAGE_INVALID')
        return true
      })
    }
    await client.publish('celery-task-meta-other', PYTHONS.started as string)
    await backend.save([meta('other')])
    assert.equal((await waiting).status, 'SUCCESS')
  },
)

test('a SUCCESS stays whoever wrote it, in whatever order its keys are, and garbage does not', options, async (t) => {
  const { backend, broker, client } = await redis.place(t)
  const consumer = await consumerOf(broker)
  const stays = [
    PYTHONS.success,
    '{"result": 1, "status": "SUCCESS"}',
    ' { "status" : "SUCCESS", "result": 1}',
  ] as string[]
  const goes = [
    PYTHONS.failure,
    '{"result": "SUCCESS", "status": "RETRY"}',
    'SUCCESS',
    '[[[[',
    '{"status": "SUCCESSFUL"}',
    '7',
    '{"a":',
  ] as string[]
  for (const [texts, kept] of [
    [stays, true],
    [goes, false],
  ] as const) {
    for (const text of texts) {
      await client.set(KEY, text)
      await backend.save([meta('a', { status: 'FAILURE', result: Buffer.from('{}') })])
      assert.equal((await client.get(KEY)) === text, kept, `after save: ${text}`)
      await client.set(KEY, text)
      await broker.publish([outgoing({ id: 'a' })])
      const result = meta('a', { status: 'FAILURE', result: Buffer.from('{}') })
      await consumer.settle([acked(await claimOne(consumer), { result })])
      assert.equal((await client.get(KEY)) === text, kept, `after settle: ${text}`)
    }
  }
})

test('a result that came while the connection was broken is found when it is there again', options, async (t) => {
  const { backend, client } = await redis.place(t)
  const waiting = backend.wait('a', { signal: AbortSignal.timeout(15_000) })
  const listened = async () => ((await client.pubsub('CHANNELS', KEY)) as string[]).length === 1
  await until(listened, { what: 'it is listened for' })
  await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  const brokenMs = performance.now()
  // Nobody is told.
  await client.set(KEY, PYTHONS.success as string)
  assert.equal((await waiting).status, 'SUCCESS')
  assert.ok(performance.now() - brokenMs < 3_000, 'the slow look has found it')
})

test('who waits again for a task whose channel is about to be left is woken by it', options, async (t) => {
  const { backend, client } = await redis.place(t)
  const channels = async () => ((await client.pubsub('CHANNELS', KEY)) as string[]).length
  for (const round of [1, 2, 3]) {
    const waiting = backend.wait('a', { signal: AbortSignal.timeout(15_000) })
    await until(async () => (await channels()) === 1, { what: 'it is listened for' })
    const text = JSON.stringify({ status: 'SUCCESS', result: round, task_id: 'a' })
    // Not stored: only who hears it has it.
    await client.publish(KEY, text)
    assert.equal(Buffer.from((await waiting).result).toString(), String(round))
  }
  await until(async () => (await channels()) === 0, { what: 'no channel is left' })
})

test(
  'thousands who wait are woken over one connection, also after it broke, and leave no channel behind',
  options,
  async (t) => {
    const { backend, client } = await redis.place(t)
    const ids = Array.from({ length: 5_000 }, (_, index) => `t${index}`)
    const waiting = Promise.all(ids.map((id) => backend.wait(id, { signal: AbortSignal.timeout(15_000) })))
    const channels = async () => ((await client.pubsub('CHANNELS', 'celery-task-meta-*')) as string[]).length
    await until(async () => (await channels()) === ids.length, { what: 'all are listened for', withinMs: 10_000 })
    await backend.save(ids.slice(0, 2_500).map((id) => meta(id)))
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await backend.save(ids.slice(2_500).map((id) => meta(id)))
    assert.deepEqual(
      (await waiting).map(({ taskId }) => taskId),
      ids,
    )
    await until(async () => (await channels()) === 0, { what: 'no channel is left' })
  },
)
