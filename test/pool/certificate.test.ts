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
  oomKilled: false,
  livedMs: 12,
  cpuMs: null,
  memoryBytes: null,
}

for (const [what, seen, killedBy] of [
  ['a signal that the pool did not send', {}, 'signal'],
  ['a crash in native code', { signal: 'SIGSEGV' }, 'signal'],
  ['process.exit', { signal: null, exitCode: 0 }, 'itself'],
  ['an abort', { signal: 'SIGABRT' }, 'signal'],
  ['an abort for want of heap', { signal: 'SIGABRT', heapLimit: true }, 'heap-limit'],
  ['an abort for want of heap, seen through a shell', { signal: null, exitCode: 134, heapLimit: true }, 'heap-limit'],
  ['Node, for a thread without heap', { pid: null, signal: null, exitCode: 1, heapLimit: true }, 'heap-limit'],
  ['a job that only wrote of a full heap', { signal: null, exitCode: 1, heapLimit: true }, 'itself'],
  ['an uncaught error', { signal: null, exitCode: 1, failure: toFailure(new Error('x')) }, 'uncaught-error'],
  ['the pool, for a bad frame', { ordered: 'bad-frame', failure: toFailure(new Error('x')) }, 'bad-frame'],
  ['the kernel, for want of memory', { oomKilled: true }, 'oom-killer'],
  ['a crash beside a kill for want of memory', { signal: 'SIGSEGV', oomKilled: true }, 'signal'],
  ['the pool, for a time limit', { ordered: 'time-limit' }, 'time-limit'],
  ['the pool, for a memory limit', { ordered: 'memory-limit' }, 'memory-limit'],
  ['the pool, for a job that was terminated', { ordered: 'terminated' }, 'terminated'],
  ['the pool, for not taking a job', { ordered: 'unheard' }, 'unheard'],
  ['the pool, on terminate', { ordered: 'pool' }, 'pool'],
  ['a system that cannot start it', { ordered: 'unstarted', pid: null, signal: null }, 'unstarted'],
] as const) {
  test(`A death by ${what} is put down to "${killedBy}"`, () => {
    const { killedBy: found, ...rest } = certify({ ...DEATH, ...seen })
    const { ordered, heapLimit, oomKilled, ...facts } = { ...DEATH, ...seen }
    assert.equal(found, killedBy)
    assert.deepEqual(rest, { ...facts, ranMs: null })
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
  assert.equal(said({ pid: null, signal: null, exitCode: 2 }), 'A child ended with exit code 2 (it exited by itself)')
  const givenUp = { pid: null, signal: null, exitCode: null, ordered: 'time-limit' } as const
  assert.equal(said(givenUp), 'A child is gone (a job was over its time limit)')
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
