import assert from 'node:assert/strict'
import test from 'node:test'
import type { DeliveryCounts } from '../../src/brokers/broker.ts'
import type { DeathCertificate, KilledBy } from '../../src/pool/index.ts'
import { toFailure } from '../../src/support/failure.ts'
import { judge, judgeForeign, MAX_DELIVERIES, MAX_FOREIGN, tooManyDeliveries } from '../../src/worker/verdict.ts'

const LATE = { maxCrashes: 3, acked: false }
const EARLY = { ...LATE, acked: true }

function counts(of: Partial<DeliveryCounts> = {}): DeliveryCounts {
  return { deliveries: 1, crashes: 0, foreign: 0, ...of }
}

function certificate(killedBy: KilledBy): DeathCertificate {
  return {
    pid: 7,
    exitCode: null,
    signal: 'SIGKILL',
    killedBy,
    phase: 'running',
    failure: null,
    stderrTail: '',
    memoryBytes: null,
    ranMs: null,
    livedMs: 1,
    cpuMs: null,
  }
}

function lost(killedBy: KilledBy) {
  return { type: 'lost', certificate: certificate(killedBy), text: 'Child 7 was killed by SIGKILL' } as const
}

test('judge() stores SUCCESS and acks what returned', () => {
  const result = Buffer.from('5')
  const verdict = judge({ type: 'succeeded', result }, counts(), LATE)
  assert.deepEqual(verdict, { status: 'SUCCESS', result, failure: null, end: { type: 'ack' } })
})

test('judge() stores FAILURE and acks what threw', () => {
  const failure = { name: 'TypeError', message: 'no', stack: null, code: null, cause: null, facts: {} }
  const verdict = judge({ type: 'failed', failure }, counts(), LATE)
  assert.deepEqual(verdict, { status: 'FAILURE', result: null, failure, end: { type: 'ack' } })
})

test('judge() stores FAILURE for what could not be read, and sets the message aside while it is there', () => {
  const failure = toFailure(new Error('body is not JSON'))
  const end = { type: 'quarantine', reason: 'body is not JSON' }
  assert.deepEqual(judge({ type: 'unreadable', failure }, counts(), LATE), {
    status: 'FAILURE',
    result: null,
    failure,
    end,
  })
  assert.deepEqual(judge({ type: 'unreadable', failure }, counts(), EARLY).end, { type: 'ack' })
})

test('judge() gives back uncounted what was stopped, and stores nothing', () => {
  const verdict = judge({ type: 'stopped' }, counts(), LATE)
  assert.equal(verdict.status, null)
  assert.deepEqual(verdict.end, { type: 'release', delayMs: 0, count: 'none' })
})

for (const killedBy of ['uncaught-error', 'itself', 'heap-limit', 'bad-frame', 'signal'] as const) {
  test(`judge() counts a crash of a child that died by ${killedBy}, and gives up at maxCrashes`, () => {
    assert.deepEqual(judge(lost(killedBy), counts({ crashes: 1 }), LATE).end, {
      type: 'release',
      delayMs: 0,
      count: 'crash',
    })
    const last = judge(lost(killedBy), counts({ crashes: 2 }), LATE)
    assert.equal(last.status, 'FAILURE')
    assert.equal(last.failure?.name, 'WorkerLostError')
    assert.equal(last.failure?.code, 'CAROM_WORKER_LOST')
    assert.equal(last.failure?.facts.signal, 'SIGKILL')
    assert.equal(last.end.type === 'quarantine' && last.end.count, 'crash')
  })
}

for (const killedBy of ['neighbour', 'pool'] as const) {
  test(`judge() gives back uncounted a task whose child was ended by ${killedBy}, however often`, () => {
    const verdict = judge(lost(killedBy), counts({ crashes: 2 }), LATE)
    assert.deepEqual(verdict.end, { type: 'release', delayMs: 0, count: 'none' })
  })
}

for (const outcome of [lost('signal'), lost('neighbour'), { type: 'stopped' } as const]) {
  test(`judge() fails a ${outcome.type} task at once when its message was acked early: nothing can go back`, () => {
    const verdict = judge(outcome, counts(), EARLY)
    assert.equal(verdict.status, 'FAILURE')
    assert.equal(verdict.failure?.code, 'CAROM_WORKER_LOST')
    assert.deepEqual(verdict.end, { type: 'ack' })
  })
}

test('tooManyDeliveries() lets a message through MAX_DELIVERIES times, then quarantines it with a failure', () => {
  assert.equal(tooManyDeliveries(counts({ deliveries: MAX_DELIVERIES })), null)
  const verdict = tooManyDeliveries(counts({ deliveries: MAX_DELIVERIES + 1 }))
  assert.equal(verdict?.status, 'FAILURE')
  assert.equal(verdict?.end.type, 'quarantine')
})

test('judgeForeign() gives an unknown task back ever later, and quarantines it at MAX_FOREIGN', () => {
  const delays: number[] = []
  for (let foreign = 0; foreign < MAX_FOREIGN - 1; foreign++) {
    const end = judgeForeign('x', counts({ foreign }), 'unknown')
    assert.equal(end.type, 'release')
    if (end.type === 'release') delays.push(end.delayMs)
  }
  assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  assert.equal(judgeForeign('x', counts({ foreign: MAX_FOREIGN - 1 }), 'unknown').type, 'quarantine')
})

test('judgeForeign() never quarantines what another worker knows, or may know, and gives the former back soon', () => {
  const often = counts({ foreign: MAX_FOREIGN + 100 })
  assert.deepEqual(judgeForeign('x', often, 'known'), { type: 'release', delayMs: 2_000, count: 'foreign' })
  assert.deepEqual(judgeForeign('x', often, 'unasked'), { type: 'release', delayMs: 60_000, count: 'foreign' })
  assert.deepEqual(judgeForeign('x', counts(), 'known'), { type: 'release', delayMs: 1_000, count: 'foreign' })
})
