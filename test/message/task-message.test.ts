import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnvelope } from '../../src/message/envelope.ts'
import { checkTaskHeaders } from '../../src/message/headers.ts'
import { buildTaskMessage, readTaskBody, type TaskCall } from '../../src/message/task-message.ts'
import { UnencodableError } from '../../src/message/wire-json.ts'
import { captured, messageOf } from './wire-fixtures.ts'

const call: TaskCall = { task: 'demo.add', id: 'id-1', args: [2, 3], kwargs: {} }

test('buildTaskMessage() sends what Celery 5.6 sends, except texts of the arguments', () => {
  const python = parseEnvelope(captured('redis-56-task-simple').raw)
  const ours = buildTaskMessage({ ...call, id: String(python.headers.id), origin: String(python.headers.origin) })
  const { argsrepr, kwargsrepr, ...headers } = python.headers
  assert.deepEqual([argsrepr, kwargsrepr], ['(2, 3)', '{}'])
  assert.deepEqual(ours.headers, { ...headers, lang: 'js', ignore_result: null })
  const { reply_to, ...properties } = python.properties
  assert.equal(typeof reply_to, 'string')
  assert.deepEqual(ours.properties, properties)
  assert.deepEqual(JSON.parse(text(ours.body)), JSON.parse(text(python.body)))
  assert.deepEqual([ours.contentType, ours.contentEncoding], [python.contentType, python.contentEncoding])
})

test('buildTaskMessage() carries every option to where the protocol has it', () => {
  const nowMs = Date.UTC(2030, 0, 1)
  const message = buildTaskMessage(
    {
      ...call,
      kwargs: { y: 3 },
      etaMs: nowMs + 1_000,
      expiresAtMs: nowMs + 60_000,
      retries: 2,
      priority: 6,
      rootId: 'root',
      parentId: 'parent',
      headers: { 'x-custom': ['v', new Date(0)] },
      ignoreResult: true,
      shadow: 'nick',
      replyTo: 'reply',
      origin: 'gen1@vm',
      argsrepr: '(2, 3)',
      kwargsrepr: "{'y': 3}",
    },
    nowMs,
  )
  assert.deepEqual(message.headers, {
    lang: 'js',
    task: 'demo.add',
    id: 'id-1',
    shadow: 'nick',
    eta: '2030-01-01T00:00:01.000000+00:00',
    expires: '2030-01-01T00:01:00.000000+00:00',
    group: null,
    group_index: null,
    retries: 2,
    timelimit: [null, null],
    root_id: 'root',
    parent_id: 'parent',
    argsrepr: '(2, 3)',
    kwargsrepr: "{'y': 3}",
    origin: 'gen1@vm',
    ignore_result: true,
    replaced_task_nesting: 0,
    stamped_headers: null,
    stamps: {},
    'x-custom': ['v', new Date(0)],
  })
  assert.deepEqual(message.properties, {
    correlation_id: 'id-1',
    reply_to: 'reply',
    delivery_mode: 2,
    priority: 6,
    expiration: '60000',
  })
  assert.doesNotThrow(() => checkTaskHeaders(message.headers))
  assert.equal(buildTaskMessage({ ...call, expiresAtMs: nowMs - 1 }, nowMs).properties.expiration, '0')
})

test('readTaskBody() gives back what was sent', () => {
  const args = [1, 2n ** 70n, Number.NaN, new Date(5), new Uint8Array([1]), 'grüß 😀', { deep: [null] }]
  const kwargs = { big: -(2n ** 64n), __proto__key: 1 }
  const body = readTaskBody(buildTaskMessage({ ...call, args, kwargs }))
  assert.deepEqual(body, { args, kwargs, embed: { callbacks: null, errbacks: null, chain: null, chord: null } })
})

test('buildTaskMessage() names the argument that cannot be sent', () => {
  const cases: [Partial<TaskCall>, string][] = [
    [{ args: [1, { fn: () => 1 }] }, 'args[1].fn'],
    [{ kwargs: { a: [new Map()] } }, 'kwargs.a[0]'],
    [{ headers: { h: Symbol('s') } }, 'headers.h'],
  ]
  for (const [part, path] of cases) {
    assert.throws(
      () => buildTaskMessage({ ...call, ...part }),
      (error) => error instanceof UnencodableError && error.path === path,
      path,
    )
  }
})

test('buildTaskMessage() refuses what the protocol cannot carry', () => {
  const wrong = (part: object) => () => buildTaskMessage({ ...call, ...part })
  for (const part of [
    { task: '' },
    { task: 'x'.repeat(1025) },
    { id: 5 },
    { args: 'ab' },
    { kwargs: [] },
    { kwargs: null },
    { headers: { task: 'other' } },
    { headers: { eta: null } },
  ]) {
    assert.throws(wrong(part), TypeError, JSON.stringify(part))
  }
  for (const part of [
    { priority: -1 },
    { priority: 3.7 },
    { priority: 1e9 },
    { priority: 'high' },
    { retries: -1 },
    { retries: 0.5 },
    { etaMs: Number.NaN },
    { etaMs: 1e20 },
    { expiresAtMs: Number.POSITIVE_INFINITY },
  ]) {
    assert.throws(wrong(part), RangeError, String(Object.entries(part)))
  }
})

test('a message does not change when its caller changes the headers it gave', () => {
  const headers = { list: [1] }
  const message = buildTaskMessage({ ...call, headers })
  headers.list.push(2)
  assert.deepEqual(message.headers.list, [1])
})

test('readTaskBody() keeps links and the rest of a chain', () => {
  const sig = { task: 'demo.add', args: [10], kwargs: {}, options: {}, subtask_type: null, immutable: false }
  const embed = { callbacks: [sig], errbacks: [], chain: [sig, sig], chord: sig }
  const body = readTaskBody(messageOf(JSON.stringify([[1], { y: 2 }, embed])))
  assert.deepEqual(body, { args: [1], kwargs: { y: 2 }, embed })
})

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
