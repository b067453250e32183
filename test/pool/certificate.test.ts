import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certify, type Death, describeDeath } from '../../src/pool/parent/certificate.ts'
import { toFailure } from '../../src/support/failure.ts'

const DEATH: Death = {
  pid: 4711,
  exitCode: null,
  signal: 'SIGKILL',
  phase: 'running',
  ordered: null,
  failure: null,
  stderrTail: '',
  heapLimit: false,
  livedMs: 12,
}

for (const [what, seen, killedBy] of [
  ['a signal that the pool did not send', {}, 'signal'],
  ['a crash in native code', { signal: 'SIGSEGV' }, 'signal'],
  ['process.exit', { signal: null, exitCode: 0 }, 'itself'],
  ['an abort', { signal: 'SIGABRT' }, 'signal'],
  ['an abort for want of heap', { signal: 'SIGABRT', heapLimit: true }, 'heap-limit'],
  ['an abort for want of heap, seen through a shell', { signal: null, exitCode: 134, heapLimit: true }, 'heap-limit'],
  ['a job that only wrote of a full heap', { signal: null, exitCode: 1, heapLimit: true }, 'itself'],
  ['an uncaught error', { signal: null, exitCode: 1, failure: toFailure(new Error('x')) }, 'uncaught-error'],
  ['the pool, for a bad frame', { ordered: 'bad-frame', failure: toFailure(new Error('x')) }, 'bad-frame'],
  ['the pool, for a neighbour', { ordered: 'neighbour' }, 'neighbour'],
  ['the pool, on terminate', { ordered: 'pool' }, 'pool'],
] as const) {
  test(`A death by ${what} is put down to "${killedBy}"`, () => {
    const { killedBy: found, ...rest } = certify({ ...DEATH, ...seen })
    const { ordered, heapLimit, ...facts } = { ...DEATH, ...seen }
    assert.equal(found, killedBy)
    assert.deepEqual(rest, facts)
  })
}

test('A death is told in one sentence with the pid, the end, the reason and the last word', () => {
  const said = (seen: Partial<Death>) => describeDeath(certify({ ...DEATH, ...seen }))
  assert.equal(said({}), 'Child 4711 was killed by SIGKILL (a signal from outside the pool)')
  assert.equal(
    said({ signal: null, exitCode: 3, stderrTail: 'first\nlast line\n\n' }),
    'Child 4711 ended with exit code 3 (it exited by itself): last line',
  )
  assert.equal(
    said({ signal: null, exitCode: 1, failure: toFailure(new TypeError('bad')), stderrTail: 'noise' }),
    'Child 4711 ended with exit code 1 (an uncaught error): TypeError: bad',
  )
  assert.match(said({ pid: null, signal: null, exitCode: null }), /^Child \(never started\) ended/)
})

test('The stack traces of an abort are not taken for its last word', () => {
  const traces =
    '----- Native stack trace -----\n\n 1: 0xca5580 node::Abort() [node]\n17: 0x7f00 [node]\n1: abort (a.js)\n\n'
  const stderrTail = `FATAL ERROR: no heap\n${traces}`
  const text = describeDeath(certify({ ...DEATH, signal: 'SIGABRT', heapLimit: true, stderrTail }))
  assert.match(text, /\(V8 reached its heap limit\): FATAL ERROR: no heap$/)
})

test('A long last line is cut', () => {
  assert.ok(describeDeath(certify({ ...DEATH, stderrTail: 'x'.repeat(4_000) })).length < 400)
})
