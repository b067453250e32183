import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeWireJson, encodeWireJson } from '../../src/message/wire-json.ts'
import { writeWireJson } from '../../src/message/wire-json-encode.ts'
import { MalformedJsonError, parseWireJson } from '../../src/message/wire-json-parse.ts'

test('decodeWireJson(encodeWireJson(x)) is x, also by way of the slow writer and parser', () => {
  fc.assert(
    fc.property(wireValue(), (value) => {
      const text = encodeWireJson(value)
      assert.deepEqual(decodeWireJson(text), value)
      assert.equal(writeWireJson(value, 'value'), text)
      assert.deepEqual(parseWireJson(text), value)
    }),
    { numRuns: 500 },
  )
})

test('on ordinary JSON both parsers agree with JSON.parse, and both writers with JSON.stringify', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }), fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      const expected = withBigInts(JSON.parse(text))
      assert.deepEqual(decodeWireJson(text), expected)
      assert.deepEqual(parseWireJson(text), expected)
      if (hasLargeNumber(value)) return
      assert.equal(encodeWireJson(value), JSON.stringify(value))
      assert.equal(writeWireJson(value, 'value'), JSON.stringify(value))
    }),
    { numRuns: 500 },
  )
})

test('decodeWireJson() throws MalformedJsonError and nothing else, and takes nothing that JSON.parse does not', () => {
  fc.assert(
    fc.property(wireValue(), fc.array(edit(), { maxLength: 6 }), (value, edits) => {
      const text = edits.reduce((before, change) => change(before), encodeWireJson(value))
      const accepted = [accepts(() => decodeWireJson(text)), accepts(() => parseWireJson(text))]
      // The parser may look at a surrogate alone: only the way in from outside refuses it.
      if (!/\p{Surrogate}/u.test(text)) assert.equal(accepted[0], accepted[1], text)
      if (!accepted[1] || /NaN|Infinity/.test(text)) return
      assert.doesNotThrow(() => JSON.parse(text), text)
    }),
    { numRuns: 3000 },
  )
})

function accepts(decode: () => unknown): boolean {
  try {
    decode()
    return true
  } catch (error) {
    assert.ok(error instanceof MalformedJsonError, String(error))
    return false
  }
}

/** JSON data in Celery's sense. Small bigints and -0 are left out: they come back as numbers, and as 0. */
function wireValue(): fc.Arbitrary<unknown> {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.integer(),
    fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.constantFrom(2 ** 53, -(2 ** 60), 1e21, Number.MAX_VALUE, Number.NaN, Number.NEGATIVE_INFINITY),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 200n }),
    fc.bigInt({ min: -(2n ** 200n), max: -(2n ** 53n) }),
    fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
    fc.constantFrom(null, true, false),
  )
  const key = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('__type__', '__value__', '__proto__'),
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { maxLength: 5 }),
      fc.array(fc.tuple(key, tie('tree')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }))
  return tree
}

function edit(): fc.Arbitrary<(text: string) => string> {
  const piece = fc.oneof(
    fc.constantFrom(...'{}[]",:\\-+.eE0123 \n\u0000\ud800'),
    fc.constantFrom(
      'NaN',
      'Infinity',
      '-Infinity',
      'null',
      '\\u00',
      '\\ud800',
      '"__type__":',
      '"uuid"',
      '"__value__":',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  )
  return fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(3), piece).map(([where, removed, inserted]) => {
    return (text) => {
      const at = Math.floor(where * text.length)
      return text.slice(0, at) + inserted + text.slice(at + removed)
    }
  })
}

function withBigInts(value: unknown): unknown {
  if (typeof value === 'number') return isLarge(value) && !String(value).includes('e') ? BigInt(String(value)) : value
  if (Array.isArray(value)) return value.map(withBigInts)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withBigInts(field)]))
}

function hasLargeNumber(value: unknown): boolean {
  if (typeof value === 'number') return isLarge(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber)
}

function isLarge(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value)
}
