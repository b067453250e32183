import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePayload, encodePayload } from '../../src/pool/protocol/payload.ts'
import { type Failure, MAX_FAILURE_BYTES, readFailure, toFailure } from '../../src/support/failure.ts'

test('An error keeps its name, message, stack, code, plain facts and cause', () => {
  const cause = Object.assign(new TypeError('inner'), { code: 'ENOENT', path: '/a', errno: -2, list: [1] })
  const failure = toFailure(new RangeError('outer', { cause }))
  assert.equal(failure.name, 'RangeError')
  assert.equal(failure.message, 'outer')
  assert.match(failure.stack ?? '', /RangeError: outer\n +at /)
  assert.equal(failure.code, null)
  const { stack, ...inner } = failure.cause as Failure
  assert.match(stack ?? '', /TypeError: inner/)
  const facts = { path: '/a', errno: -2 }
  assert.deepEqual(inner, { name: 'TypeError', message: 'inner', code: 'ENOENT', cause: null, facts })
})

for (const [what, thrown, message] of [
  ['a text', 'just text', 'just text'],
  ['null', null, 'null was thrown: null'],
  ['undefined', undefined, 'undefined was thrown: undefined'],
  ['a number', 42, 'number was thrown: 42'],
  ['a symbol', Symbol('x'), 'symbol was thrown: Symbol(x)'],
  ['a bigint', 10n, 'bigint was thrown: 10'],
] as const) {
  test(`A thrown value that is ${what} says so`, () => {
    const { name, ...rest } = toFailure(thrown)
    assert.equal(name, 'NonErrorThrown')
    assert.deepEqual(rest, { message, stack: null, code: null, cause: null, facts: {} })
  })
}

for (const [what, thrown] of [
  ['an object', { status: 404 }],
  ['a function', () => {}],
  ['an object without a prototype', Object.create(null)],
  ['a list', [1, 2, 3]],
  ['an object whose getters throw', withThrowingGetters()],
  ['a proxy whose every trap throws', hostileProxy()],
  ['a revoked proxy', revokedProxy()],
  ['an error whose name and message are objects', Object.assign(new Error(), { name: {}, message: [] })],
  ['an error whose cause throws', Object.defineProperty(new Error('x'), 'cause', { get: thrower })],
] as const) {
  test(`A thrown value that is ${what} gives a failure that can be sent`, () => {
    const failure = toFailure(thrown)
    assert.equal(typeof failure.name, 'string')
    assert.notEqual(failure.message, '')
    assert.deepEqual(readFailure(decodePayload(encodePayload(failure))), failure)
  })
}

test('A cyclic cause ends where it would begin again', () => {
  const first = new Error('first')
  const second = new Error('second', { cause: first })
  first.cause = second
  assert.equal(toFailure(first).cause?.message, 'second')
  assert.equal(toFailure(first).cause?.cause, null)
  const self = new Error('self')
  self.cause = self
  assert.equal(toFailure(self).cause, null)
})

test('A long chain of causes is cut', () => {
  let error = new Error('0')
  for (let level = 1; level < 100; level++) error = new Error(String(level), { cause: error })
  assert.equal(depthOf(toFailure(error)), 9)
  let data: unknown = null
  for (let level = 0; level < 10_000; level++) data = { name: 'Error', message: 'x', cause: data }
  assert.equal(depthOf(readFailure(data)), 9)
})

test('The largest failure there can be stays below its bound when it is written', () => {
  const huge = '€'.repeat(1_000_000)
  let error: Error | undefined
  for (let level = 0; level < 12; level++) {
    const facts = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`${at}`.padStart(255, 'ü'), huge]))
    const next: Error = Object.assign(new Error(huge, { cause: error }), facts, { name: huge, stack: huge, code: huge })
    error = next
  }
  const { bytes } = encodePayload(toFailure(error))
  assert.ok(bytes.length > 1_000_000, `${bytes.length} bytes are no test of the bound`)
  assert.ok(bytes.length <= MAX_FAILURE_BYTES, `${bytes.length} bytes`)
  assert.ok(toFailure(10n ** 60_000n).message.length < 20_000)
})

test('A thrown list of ten million elements takes no time', () => {
  const startedAtMs = performance.now()
  assert.deepEqual(toFailure(new Uint8Array(10_000_000)).facts, {})
  assert.ok(performance.now() - startedAtMs < 500)
})

test('Facts that would break the error they become a field of are left out', () => {
  const facts = {
    toString: 'x',
    constructor: 'x',
    valueOf: 'x',
    message: 'x',
    stack: 'x',
    code: 'x',
    cause: 'x',
    ok: 1,
  }
  assert.deepEqual(readFailure({ name: 'E', message: 'm', facts }).facts, { ok: 1 })
  assert.deepEqual(readFailure({ facts: JSON.parse('{"__proto__": "x", "ok": 1}') }).facts, { ok: 1 })
})

test("Any stranger's data reads as a failure, and reads the same the second time", () => {
  const data = fc.oneof(
    fc.anything(),
    fc.record({ name: fc.anything(), message: fc.anything(), cause: fc.anything(), facts: fc.anything() }),
  )
  fc.assert(
    fc.property(data, (said) => {
      const failure = readFailure(said)
      assert.equal(typeof failure.message, 'string')
      assert.deepEqual(readFailure(failure), failure)
    }),
  )
})

test('Whatever is thrown gives a failure', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => {
      const failure = toFailure(thrown)
      assert.deepEqual(readFailure(decodePayload(encodePayload(failure))).message, failure.message)
    }),
  )
})

function depthOf(failure: Failure): number {
  return failure.cause === null ? 1 : 1 + depthOf(failure.cause)
}

function withThrowingGetters(): object {
  const object = {}
  for (const key of ['name', 'message', 'stack', 'code', 'cause', 'own']) {
    Object.defineProperty(object, key, { enumerable: true, get: thrower })
  }
  return object
}

function hostileProxy(): object {
  const traps = ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'isExtensible'] as const
  return new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, thrower])))
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function thrower(): never {
  throw new Error('a trap')
}
