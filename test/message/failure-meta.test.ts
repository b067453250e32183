import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeFailure, encodeFailure } from '../../src/message/failure-meta.ts'
import { decodeWireJson, encodeWireJson } from '../../src/message/wire-json.ts'
import { type Failure, toFailure } from '../../src/support/failure.ts'

test('a TypeScript error keeps its name, message, stack, code, cause and fields', () => {
  class PaymentError extends Error {
    override name = 'PaymentError'
    readonly code = 'E_CARD'
    readonly attempts = 3
  }
  const thrown = new PaymentError('declined', { cause: new TypeError('no card', { cause: new Error('root') }) })
  const meta = encodeFailure(toFailure(thrown))
  assert.deepEqual([meta.exc_type, meta.exc_message, meta.exc_module], ['PaymentError', ['declined'], 'js.errors'])
  const failure = decodeFailure(decodeWireJson(encodeWireJson(meta)))
  assert.deepEqual([failure.name, failure.message, failure.code], ['PaymentError', 'declined', 'E_CARD'])
  assert.deepEqual([failure.stack, failure.facts], [thrown.stack, { attempts: 3 }])
  assert.deepEqual(
    [failure.cause?.name, failure.cause?.module, failure.cause?.message],
    ['TypeError', 'builtins', 'no card'],
  )
  assert.deepEqual([failure.cause?.cause?.message, failure.cause?.cause?.cause], ['root', null])
})

test('decodeFailure() reads what Python stored', () => {
  const cases: [object, string, string, string | null, Record<string, unknown>][] = [
    [python('ValueError', ['bad'], 'builtins'), 'ValueError', 'bad', 'builtins', {}],
    [python('ValueError', ['bad', 42], 'builtins'), 'ValueError', 'bad, 42', 'builtins', { args: ['bad', 42] }],
    [python('CustomErr', [7, { a: 1 }], 'wapp'), 'CustomErr', '7, {"a":1}', 'wapp', { args: [7, { a: 1 }] }],
    [
      python('TimeLimitExceeded', [30], 'billiard.exceptions'),
      'TimeLimitExceeded',
      '30',
      'billiard.exceptions',
      { args: [30] },
    ],
    [python('KeyError', [], 'builtins'), 'KeyError', '', 'builtins', {}],
    [python('Old', 'just text', null), 'Old', 'just text', null, {}],
  ]
  for (const [meta, name, message, module, facts] of cases) {
    assert.deepEqual(decodeFailure(meta), { name, message, stack: null, module, code: null, cause: null, facts })
  }
})

test('encodeFailure() names a Python class only where reading it there is safe', () => {
  const moduleOf = (name: string) => encodeFailure({ name, message: '', stack: null }).exc_module
  for (const name of ['TypeError', 'ValueError', 'TimeoutError', 'KeyError']) assert.equal(moduleOf(name), 'builtins')
  for (const name of ['NotRegistered', 'TaskRevokedError']) assert.equal(moduleOf(name), 'celery.exceptions')
  for (const name of ['WorkerLostError', 'TimeLimitExceeded', 'SoftTimeLimitExceeded']) {
    assert.equal(moduleOf(name), 'billiard.exceptions')
  }
  const ours = [
    'Error',
    'RangeError',
    'ReferenceError',
    'SyntaxError',
    'SystemExit',
    'UnicodeDecodeError',
    'print',
    'constructor',
  ]
  for (const name of ours) assert.equal(moduleOf(name), 'js.errors')
})

test('encodeFailure() gives a class name that Python can make a class of', () => {
  const nameOf = (name: string) => encodeFailure({ name, message: '', stack: null }).exc_type
  assert.deepEqual(['A\u0000B\n', '', '\u0000', '\ud800x', 'Größe'].map(nameOf), ['AB', 'Error', 'Error', 'x', 'Größe'])
  assert.equal(nameOf('x'.repeat(300)).length, 256)
})

test('a failure is bounded in depth and size, both ways', () => {
  const long = `${'x'.repeat(16 * 1024 - 1)}😀${'y'.repeat(1_000_000)}`
  const loop: Record<string, unknown> = { name: 'Loop', message: long, stack: long, code: long, facts: {} }
  loop.cause = loop
  for (let index = 0; index < 1000; index++) (loop.facts as Record<string, unknown>)[`f${index}`] = long
  const meta = encodeFailure(loop as unknown as Failure)
  assert.equal(meta.exc_message[0], `${'x'.repeat(16 * 1024 - 1)}…`)
  assert.ok(encodeWireJson(meta).length < 800_000)
  const hostile = { exc_type: long, exc_message: [long, long], exc_module: long, carom: loop }
  for (const failure of [decodeFailure(meta), decodeFailure(hostile)]) {
    assert.ok(encodeWireJson(failure).length < 800_000)
    let depth = 0
    for (let cause = failure.cause; cause !== null; cause = cause.cause) depth++
    assert.equal(depth, 8)
  }
})

test('decodeFailure() makes a failure of anything', () => {
  const nothing = decodeFailure(null)
  assert.deepEqual([nothing.name, nothing.message, nothing.module], ['Error', 'An error that said nothing', null])
  assert.equal(decodeFailure('boom').message, 'boom')
  const odd = decodeFailure({
    exc_type: 5,
    exc_message: { a: 1 },
    exc_module: [],
    carom: { stack: 5, cause: 'x', facts: [] },
  })
  assert.deepEqual(odd, {
    name: 'Error',
    message: '{"a":1}',
    stack: null,
    module: null,
    code: null,
    cause: null,
    facts: { args: [{ a: 1 }] },
  })
  const carom = { name: 'no', message: 'no', facts: JSON.parse('{"__proto__":"a","f":{},"ok":1}'), cause: {} }
  assert.deepEqual(decodeFailure({ exc_type: 'E', exc_message: ['m'], carom }).facts, { ok: 1 })
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true }),
      (value) => {
        decodeFailure(value)
        decodeFailure({ exc_type: value, exc_message: value, exc_module: value, carom: value })
        decodeFailure({ exc_message: [value], carom: { cause: value, facts: value } })
      },
    ),
    { numRuns: 500 },
  )
})

function python(exc_type: string, exc_message: unknown, exc_module: string | null): object {
  return { exc_type, exc_message, exc_module }
}
