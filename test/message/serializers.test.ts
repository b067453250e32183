import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBody } from '../../src/message/body.ts'
import { type PlainSerializer, SERIALIZERS, serialize } from '../../src/message/serializers.ts'
import { buildTaskMessage, readTask } from '../../src/message/task-message.ts'
import { encodeWireJson, UnencodableError } from '../../src/message/wire-json.ts'
import { PLAIN_JSON } from '../../src/message/write-body.ts'
import { messageOf } from './wire-fixtures.ts'

const NAMES: readonly PlainSerializer[] = ['json', 'msgpack', 'yaml']

function roundTrip(value: unknown, serializer: PlainSerializer): unknown {
  const { contentType, contentEncoding } = SERIALIZERS[serializer]
  const body = serialize(encodeWireJson(value), serializer, 'value')
  return decodeBody(messageOf(body, {}, { contentType, contentEncoding }), { accept: new Set([contentType]) })
}

/** Half a surrogate pair becomes a replacement character. */
const WELL_FORMED = fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString())
const VALUES: readonly unknown[] = [
  [
    null,
    true,
    false,
    '',
    'grüße 🎉',
    ' 08',
    '08',
    '1e5',
    'yes',
    '1:30',
    '2026-01-01',
    '~',
    '#',
    '- a',
    'a: b',
    '\0\n\x7f\x85\u2028',
  ],
  [
    0,
    1,
    -1,
    127,
    128,
    -32,
    -33,
    255,
    256,
    65535,
    65536,
    -129,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
  ],
  [0.1, -1.5, 1e21, 1e-7, 1e100, 5e-324, 2 ** 53, -(2 ** 64), Number.NaN, Number.POSITIVE_INFINITY, -Infinity],
  [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)],
  [new Date(0), new Date(1), new Date(-1), new Date('0001-01-01T00:00:00Z'), new Date('9999-12-31T23:59:59.999Z')],
  [new Uint8Array(), Uint8Array.of(0, 255, 10), new Uint8Array(300)],
  { '': 1, 'a b': { c: [[], {}, [{}]] }, constructor: 1, ['x'.repeat(2000)]: 'y'.repeat(70_000) },
  Array.from({ length: 70_000 }, (_, index) => index),
  Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index])),
]

for (const serializer of NAMES) {
  test(`${serializer} carries what JSON with kombu's tags carries`, () => {
    for (const value of VALUES) assert.deepEqual(roundTrip(value, serializer), value)
    const keyed = JSON.parse('{"__proto__": {"a": 1}, "b": 2}') as object
    const arrived = roundTrip([keyed], serializer) as [object]
    assert.deepEqual(Object.keys(arrived[0]), ['__proto__', 'b'])
    assert.equal(Object.getPrototypeOf(arrived[0]), Object.prototype)
  })

  test(`${serializer} carries the negative zero of a Python float`, () => {
    const { contentType, contentEncoding } = SERIALIZERS[serializer]
    const body = serialize('[-0.0, 0]', serializer, 'value')
    const message = messageOf(body, {}, { contentType, contentEncoding })
    // Strict: 0 and -0 are two values.
    assert.deepStrictEqual(decodeBody(message, { accept: new Set([contentType]) }), [-0, 0])
  })

  test(`${serializer} carries whatever data there is`, () => {
    const leaf = fc.oneof(
      WELL_FORMED,
      fc.double({ noDefaultInfinity: false }).filter((number) => !Object.is(number, -0)),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      }),
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(
          WELL_FORMED.map((text) => `_${text}`),
          tie('value'),
          { noNullPrototype: true },
        ),
      ),
    }))
    fc.assert(
      fc.property(value, (given) => {
        // A copy of its own kind: what came back may share nothing with what was given.
        assert.deepEqual(roundTrip(given, serializer), given)
      }),
      { numRuns: 300 },
    )
  })

  test(`a task message in ${serializer} is read as it was written, and the deepest one too`, () => {
    const writing = { ...PLAIN_JSON, serializer }
    const call = { task: 'shop.add', id: '1', args: [1, new Date(0)], kwargs: { a: 'é' } }
    const message = buildTaskMessage(call, 0, writing)
    const accept = new Set([SERIALIZERS[serializer].contentType])
    assert.deepEqual(readTask(message, { accept }).args, call.args)
    assert.deepEqual(readTask(message, { accept }).kwargs, call.kwargs)
    const deep = `${'['.repeat(511)}${']'.repeat(511)}`
    assert.doesNotThrow(() => roundTrip(JSON.parse(deep), serializer))
  })
}

test('msgpack refuses what it cannot carry, and says where', () => {
  const cases: [unknown, RegExp, RegExp][] = [
    [[1, { big: [2n ** 64n] }], /\[1\]\["big"\]\[0\]$/, /64 bits/],
    [['\ud800'], /\[0\]$/, /half a surrogate/],
    [{ a: { '\udc00': 1 } }, /\["a"\]$/, /half a surrogate/],
    [new Array(5_000_000).fill(0), /\[4999999\]$/, /more than 5000000 values/],
  ]
  for (const [value, path, reason] of cases) {
    assert.throws(
      () => serialize(encodeWireJson(value), 'msgpack', 'value'),
      (error) => error instanceof UnencodableError && path.test(error.path) && reason.test(error.reason),
    )
  }
  assert.throws(() => serialize(encodeWireJson(['\ud800']), 'yaml', 'value'), UnencodableError)
})

test('text and raw bytes are read where they are listed', () => {
  const accept = new Set(['text/plain', 'application/data'])
  const text = messageOf('grüße', {}, { contentType: 'text/plain' })
  assert.equal(decodeBody(text, { accept }), 'grüße')
  const bytes = messageOf(Uint8Array.of(1, 255), {}, { contentType: 'application/data', contentEncoding: 'binary' })
  assert.deepEqual(decodeBody(bytes, { accept }), Uint8Array.of(1, 255))
  assert.throws(() => decodeBody(text), /only application\/json/)
})
