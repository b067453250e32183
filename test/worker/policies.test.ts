import assert from 'node:assert/strict'
import test from 'node:test'
import type { Delivery } from '../../src/brokers/broker.ts'
import type { TaskHeaders } from '../../src/message/message.ts'
import { admit } from '../../src/worker/admission.ts'
import { ClaimAhead } from '../../src/worker/claim-ahead.ts'
import { isFurther, nextStage, type Stage } from '../../src/worker/shutdown.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const add = {
  name: 'shop.add',
  queue: null,
  ignoreResult: false,
  storeErrorsEvenIfIgnored: false,
  acksLate: true,
  maxCrashes: 3,
  builtin: false,
}
const takes = {
  tasks: new Map([[add.name, add]]),
  acceptContent: new Set(['application/json']),
  elsewhere: () => 'unknown' as const,
}

function delivery(headers: object, counts: Partial<Delivery['counts']> = {}): Delivery {
  return {
    token: 't',
    queue: 'shop',
    counts: { deliveries: 1, crashes: 0, foreign: 0, ...counts },
    message: {
      headers: headers as TaskHeaders,
      properties: {},
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      body: Buffer.from('[[],{},{}]'),
    },
  }
}

test('admit() runs a known task', () => {
  assert.equal(admit(delivery({ task: 'shop.add', id: '1' }), takes, NOW).type, 'run')
})

test('admit() quarantines what is no task message, and stores nothing', () => {
  assert.equal(admit(delivery({}), takes, NOW).type, 'unread')
  for (const headers of [
    { task: null, id: '1' },
    { task: 'shop.add' },
    { task: 5, id: '1' },
    { task: 'shop.add', id: null },
  ]) {
    const admission = admit(delivery(headers), takes, NOW)
    assert.equal(admission.type === 'refused' && admission.end.type, 'quarantine', JSON.stringify(headers))
  }
})

test('admit() gives back a task that is not registered here, also one named like a property of every object', () => {
  for (const task of ['shop.other', 'constructor', '__proto__', 'toString']) {
    const admission = admit(delivery({ task, id: '1' }), takes, NOW)
    assert.equal(admission.type === 'refused' && admission.end.type, 'release', task)
  }
})

test('admit() quarantines a body that is not read here by what its message says of it, unless the task is unknown', () => {
  const known = { task: 'shop.add', id: '1' }
  const cases: [headers: object, content: object, reason: RegExp][] = [
    [
      known,
      { contentType: 'application/x-python-serialize' },
      /^Refused unread: content-type .*runs code of its sender/,
    ],
    [known, { contentType: 'application/x-msgpack' }, /not listed in acceptContent/],
    [known, { contentEncoding: 'utf-16' }, /content-encoding "utf-16"/],
    [{ ...known, compression: 'xz' }, {}, /compressed with xz/],
    [{ ...known, compression: [] }, {}, /headers.compression is an array/],
  ]
  for (const [headers, content, reason] of cases) {
    const given = delivery(headers)
    const admission = admit({ ...given, message: { ...given.message, ...content } }, takes, NOW)
    assert.equal(admission.type, 'refused')
    assert.match(admission.type === 'refused' ? admission.reason : '', reason)
    assert.equal(admission.type === 'refused' && admission.end.type, 'quarantine')
  }
  const foreign = delivery({ task: 'other.task', id: '1' })
  const admission = admit(
    { ...foreign, message: { ...foreign.message, contentType: 'application/x-yaml' } },
    takes,
    NOW,
  )
  assert.equal(admission.type === 'refused' && admission.end.type, 'release')
})

test('admit() revokes a task whose expiry has passed, and runs one whose expiry has not', () => {
  const late = admit(delivery({ task: 'shop.add', id: '1', expires: '2025-12-31T23:59:59+00:00' }), takes, NOW)
  assert.equal(late.type === 'decided' && late.verdict.status, 'REVOKED')
  const early = admit(delivery({ task: 'shop.add', id: '1', expires: '2026-01-01T00:00:01+00:00' }), takes, NOW)
  assert.equal(early.type, 'run')
})

test('admit() runs a message no more that has come too often', () => {
  const admission = admit(delivery({ task: 'shop.add', id: '1' }, { deliveries: 21 }), takes, NOW)
  assert.equal(admission.type === 'decided' && admission.verdict.end.type, 'quarantine')
})

/** Runs one after the other, each as long as `durationMs` says and `gapMs` apart. */
function run(ahead: ClaimAhead, times: number, durationMs: (index: number) => number, gapMs = 0): void {
  let nowMs = 1_000
  for (let index = 0; index < times; index++) {
    nowMs += durationMs(index) + gapMs
    ahead.ran(durationMs(index), nowMs)
  }
}

test('ClaimAhead claims nothing ahead before a full measure of runs', () => {
  const ahead = new ClaimAhead(2)
  run(ahead, 127, () => 0.1)
  assert.equal(ahead.ahead, 0)
  ahead.ran(0.1, 1_013)
  assert.ok(ahead.ahead > 0)
})

test('ClaimAhead claims at most 20 ms of work, by the slowest runs', () => {
  const ahead = new ClaimAhead(2)
  run(ahead, 128, (index) => (index === 0 || index === 64 ? 5 : 0.1))
  assert.equal(ahead.ahead, 8)
})

test('ClaimAhead claims at most what gets done in 20 ms, however short the runs seem', () => {
  const ahead = new ClaimAhead(2)
  run(ahead, 128, () => 0.001, 1)
  assert.equal(ahead.ahead, 20)
})

test('ClaimAhead claims nothing ahead for long tasks', () => {
  const ahead = new ClaimAhead(1)
  run(ahead, 256, () => 30)
  assert.equal(ahead.ahead, 0)
})

test('ClaimAhead starts to learn anew after an overrun', () => {
  const ahead = new ClaimAhead(2)
  run(ahead, 128, () => 0.1)
  ahead.overran()
  assert.equal(ahead.ahead, 0)
  run(ahead, 127, () => 0.1)
  assert.equal(ahead.ahead, 0)
})

test('the ladder of stages only leads down', () => {
  const stages: Stage[] = ['running', 'warm', 'cold', 'now']
  for (const [at, stage] of stages.entries()) {
    for (const [other, than] of stages.entries()) assert.equal(isFurther(stage, than), at > other)
    assert.equal(nextStage(stage), stages[Math.min(at + 1, 3)])
  }
})
