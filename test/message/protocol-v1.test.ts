import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import { parseEnvelope } from '../../src/message/envelope.ts'
import type { UncheckedMessage } from '../../src/message/headers.ts'
import { isProtocolV2 } from '../../src/message/protocol-v1.ts'
import { readTask } from '../../src/message/task-message.ts'
import { captured, inZone } from './wire-fixtures.ts'

test('readTask() turns a captured protocol v1 message into protocol v2', () => {
  const envelope = parseEnvelope(captured('redis-56-task-v1').raw)
  assert.equal(isProtocolV2(envelope.headers), false)
  const { headers, args, kwargs, embed } = readTask(envelope)
  assert.deepEqual(headers, {
    task: 'demo.add',
    id: headers.id,
    group: null,
    group_index: null,
    retries: 0,
    eta: headers.eta,
    expires: null,
    timelimit: [null, null],
  })
  assert.match(String(headers.eta), /^2026-11-23T03:\d\d:\d\d\.\d{6}\+00:00$/)
  assert.deepEqual([args, kwargs], [[2, 3], {}])
  const callback = { task: 'demo.add', args: [1], kwargs: {}, options: {}, subtask_type: null, immutable: false }
  assert.deepEqual(embed, { callbacks: [callback], errbacks: null, chain: null, chord: null })
})

test('readTask() takes the group of protocol v1 from taskset, and lets arguments be missing', () => {
  const { headers, args, kwargs } = readTask(v1({ taskset: 'g', group: 'old', chord: { task: 'body' } }))
  assert.deepEqual([headers.group, args, kwargs], ['g', [], {}])
})

test('readTask() reads a date of protocol v1 without offset as UTC, and as local time where utc is false', (t) => {
  inZone(t, 'Asia/Kolkata')
  const eta = '2030-07-02T03:04:05'
  const etaOf = (fields: object) => readTask(v1(fields)).headers.eta
  assert.equal(etaOf({ eta }), eta)
  assert.equal(etaOf({ eta, utc: true }), eta)
  assert.equal(etaOf({ eta, utc: false }), '2030-07-01T21:34:05.000000+00:00')
  assert.equal(etaOf({ eta: `${eta}+02:00`, utc: false }), `${eta}+02:00`)
})

test('readTask() lays the headers of a hybrid over its body', () => {
  const body = {
    task: 'old',
    id: 'old',
    args: [1],
    kwargs: { a: 2 },
    retries: 1,
    chain: [{ task: 'next' }],
    errbacks: [],
  }
  const message = v1(body, { task: 'shop.add', id: 'new', retries: 3, shadow: null, 'x-mine': 1 })
  const { headers, args, kwargs, embed } = readTask(message)
  assert.deepEqual(headers, {
    task: 'shop.add',
    id: 'new',
    retries: 3,
    shadow: null,
    'x-mine': 1,
    group: null,
    eta: null,
    expires: null,
  })
  assert.deepEqual([args, kwargs], [[1], { a: 2 }])
  assert.deepEqual(embed, { callbacks: null, errbacks: [], chain: [{ task: 'next' }], chord: null })
})

test('readTask() names the part of a protocol v1 message that is wrong', () => {
  const cases: [object, string][] = [
    [{ id: null }, 'headers.id'],
    [{ task: null }, 'headers.task'],
    [{ eta: 5 }, 'headers.eta'],
    [{ eta: 'soon', utc: false }, 'headers.eta'],
    [{ args: 'ab' }, 'body.args'],
    [{ kwargs: [1] }, 'body.kwargs'],
    [{ callbacks: {} }, 'body.callbacks'],
    [{ callbacks: [{}] }, 'body.callbacks[0].task'],
    [{ errbacks: ['x'] }, 'body.errbacks[0]'],
    [{ chord: 5 }, 'body.chord'],
  ]
  for (const [fields, field] of cases) {
    assert.throws(
      () => readTask(v1(fields)),
      (error) => isCaromError(error, 'CAROM_MESSAGE_INVALID') && error.field === field,
      field,
    )
  }
})

function v1(fields: object, headers: Record<string, unknown> = {}): UncheckedMessage {
  return {
    headers,
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from(JSON.stringify({ task: 'shop.add', id: 'id-1', ...fields })),
  }
}
