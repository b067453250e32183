import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { decodePayload, encodePayload, keepPayload, lendPayload } from '../../src/pool/protocol/payload.ts'
import { until } from '../support/wait.ts'

// MessagePack has one zero; two dates that are none are never equal.
const scalars = [
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.integer(),
  fc.double().map((value) => value + 0),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.string({ unit: 'grapheme' }),
]
const anything = fc.anything({
  withMap: true,
  withSet: true,
  withTypedArray: true,
  key: fc.string().filter((key) => key !== '__proto__'),
  values: scalars,
})

test('Any value of the kinds a structured clone carries comes back equal', () => {
  fc.assert(
    fc.property(anything, (value) => assert.deepEqual(copied([value]), [value])),
    { numRuns: 1_000 },
  )
})

test('Every kind of value comes back as what it was', () => {
  const kinds = {
    numbers: [0, 1, -1, 2 ** 53, -(2 ** 40), 0.1, Number.NaN, Number.POSITIVE_INFINITY],
    bigints: [0n, 2n ** 63n, -(2n ** 64n), 2n ** 500n],
    texts: ['', 'ä', '😀'.repeat(100), 'x'.repeat(70_000)],
    nothing: [null, undefined, true, false],
    dates: [new Date(0), new Date(-1), new Date(8.64e15), new Date(1_700_000_000_123)],
    collections: [new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'x'])]]), new Set([new Map()])],
    binary: [new Float64Array([1.5]), new BigInt64Array([-1n]), new Uint8Array([1]), new ArrayBuffer(3)],
    regexp: /a\/b/giu,
    bare: Object.assign(Object.create(null), { a: 1 }),
    odd: { constructor: 'mine', hasOwnProperty: 1, length: 2 },
  }
  assert.deepEqual(copied(kinds), { ...kinds, bare: { a: 1 } })
  const [view] = copied([new DataView(new ArrayBuffer(4))]) as [DataView]
  assert.ok(view instanceof DataView && view.byteLength === 4)
  assert.ok(Number.isNaN((copied([new Date(Number.NaN)]) as [Date])[0].getTime()))
})

test('An error comes back with its name, message and cause', () => {
  const [error] = copied([new RangeError('outer', { cause: new Error('inner') })]) as [RangeError]
  assert.ok(error instanceof RangeError)
  assert.equal(error.message, 'outer')
  assert.equal((error.cause as Error).message, 'inner')
})

test('Cycles and shared parts survive', () => {
  const ring: Record<string, unknown> = { list: [] }
  ;(ring.list as unknown[]).push(ring)
  ring.map = new Map([[ring, ring]])
  const back = copied(ring) as typeof ring
  assert.equal((back.list as unknown[])[0], back)
  assert.equal((back.map as Map<unknown, unknown>).get(back), back)
  const shared = { a: 1 }
  const [first, second] = copied([shared, shared]) as [object, object]
  assert.equal(first, second)
})

for (const [what, make] of [
  ['a function', () => ({ deep: [() => 1] })],
  ['a class', () => class Money {}],
  ['a symbol', () => [Symbol('x')]],
  ['a promise', () => [Promise.resolve(1)]],
  ['a WeakMap', () => new WeakMap()],
  ['a WeakRef', () => ({ ref: new WeakRef({}) })],
  ['a generator', () => (function* () {})()],
  ['shared memory', () => new SharedArrayBuffer(4)],
  ['a boxed number', () => [Object(3)]],
  ['100,000 levels', () => nested(100_000)],
  ['a throwing getter', () => Object.defineProperty({}, 'x', { enumerable: true, get: thrower })],
  ['a revoked proxy', revoked],
] as const) {
  test(`A value with ${what} is refused, and the next one is written as if nothing had happened`, () => {
    assert.throws(() => encodePayload({ list: [{ a: 1, b: 2 }], bad: make() }), Error)
    assert.deepEqual(copied([{ a: 1, b: 2 }, { bad: 1 }]), [{ a: 1, b: 2 }, { bad: 1 }])
  })
}

test('Bytes travel as they are, and what happens to them later changes neither side', () => {
  const mine = new Uint8Array([1, 2, 3])
  const payload = encodePayload(mine)
  mine.fill(9)
  const theirs = decodePayload(payload) as Buffer
  assert.equal(payload.encoding, 'bytes')
  assert.deepEqual([...theirs], [1, 2, 3])
  ;(payload.bytes as Uint8Array).fill(7)
  assert.deepEqual([...theirs], [1, 2, 3])
  assert.equal(theirs.buffer.byteLength, 3, 'the memory is its own, not a part of what was read')
})

test('A long text travels as its characters if they are ASCII, and comes back equal whatever they are', () => {
  for (const [text, encoding] of [
    ['x'.repeat(70_000), 'ascii'],
    ['\u0000\u007f'.repeat(40_000), 'ascii'],
    ['x'.repeat(1_000), 'msgpack'],
    ['ä'.repeat(70_000), 'msgpack'],
    [`${'x'.repeat(70_000)}€😀`, 'msgpack'],
  ] as const) {
    for (const payload of [encodePayload(text), lendPayload(text)]) {
      assert.equal(payload.encoding, encoding)
      assert.equal(decodePayload(payload), text)
    }
  }
})

test('What is lent is the value until the next one is lent, and what is kept stays so', () => {
  const values = [Buffer.alloc(100_000, 1), 'a'.repeat(100_000), { list: Array(50_000).fill(1.5) }, 'short', [1]]
  const kept = values.map((value) => {
    const payload = lendPayload(value)
    assert.deepEqual(decodePayload(payload), value)
    return keepPayload(payload)
  })
  lendPayload('b'.repeat(100_000))
  lendPayload({ list: Array(50_000).fill(2.5) })
  ;(values[0] as Buffer).fill(9)
  assert.deepEqual(kept.map(decodePayload), [Buffer.alloc(100_000, 1), ...values.slice(1)])
})

test('What is lent leaves alone what was encoded before it', () => {
  const first = encodePayload(['first'])
  lendPayload(['lent, and longer than the first'])
  const second = encodePayload(['second'])
  lendPayload(['lent again'])
  assert.deepEqual([decodePayload(first), decodePayload(second)], [['first'], ['second']])
})

test('Bytes inside a value have memory of their own too', () => {
  const payload = encodePayload([Buffer.from('hello')])
  const [buffer] = decodePayload(payload) as [Buffer]
  assert.equal(buffer.toString(), 'hello')
  payload.bytes.fill(0)
  assert.equal(buffer.toString(), 'hello')
})

test('Nothing is undefined', () => {
  assert.equal(decodePayload({ encoding: 'none', bytes: new Uint8Array(0) }), undefined)
})

test('Bytes that claim to be a value give one or an error, and never harm the next reading', () => {
  const good = encodePayload([{ a: 1, b: [1, 2] }, 'text'])
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
      attempt(() => decodePayload({ encoding: 'msgpack', bytes }))
      assert.deepEqual(decodePayload(good), [{ a: 1, b: [1, 2] }, 'text'])
    }),
    { numRuns: 2_000 },
  )
  fc.assert(
    fc.property(fc.nat(good.bytes.length - 1), fc.nat(255), (at, value) => {
      const bytes = Uint8Array.from(good.bytes)
      bytes[at] = value
      attempt(() => decodePayload({ encoding: 'msgpack', bytes }))
      assert.deepEqual(decodePayload(good), [{ a: 1, b: [1, 2] }, 'text'])
    }),
    { numRuns: 1_000 },
  )
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
})

test('A list that promises four thousand million entries takes no memory', () => {
  const bytes = Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1])
  assert.throws(() => decodePayload({ encoding: 'msgpack', bytes }))
})

function copied(value: unknown): unknown {
  return decodePayload(encodePayload(value))
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function thrower(): never {
  throw new Error('not for you')
}

function attempt(fn: () => unknown): void {
  try {
    fn()
  } catch (error) {
    assert.ok(error instanceof Error)
  }
}

test('Who reads much reads texts by native code, and the same', async (t) => {
  const reader = (await import('msgpackr/unpack')) as { readonly isNativeAccelerationEnabled?: boolean }
  const value = Array.from({ length: 20_000 }, (_, id) => ({ id, text: `the item of number ${id}, größer` }))
  const payload = encodePayload(value)
  const readSomeTimes = () => {
    for (let times = 0; times < 5; times++) assert.deepEqual(decodePayload(payload), value)
  }
  readSomeTimes()
  if (!existsSync(fileURLToPath(import.meta.resolve('msgpackr-extract')))) return t.skip('it is not installed here')
  await until(() => reader.isNativeAccelerationEnabled === true, { what: 'it is loaded' })
  readSomeTimes()
})
