import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeWireJson, encodeWireJson, MalformedJsonError } from '../../src/message/wire-json.ts'

test('decodeWireJson() reads integers beyond 2^53 and the words of Python', () => {
  const cases: [string, unknown][] = [
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', 9007199254740992n],
    ['[-9007199254740993, 0]', [-9007199254740993n, 0]],
    ['[NaN, Infinity, -Infinity]', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['[12345678901234567890.0, 1e300, 0.12345678901234567890]', [12345678901234567000, 1e300, 0.12345678901234568]],
    ['9'.repeat(4300), BigInt('9'.repeat(4300))],
    [' {"a" : [ ] , "b":\t{ }\r\n} ', { a: [], b: {} }],
    ['["\\u00e9\\n\\"", NaN]', ['é\n"', Number.NaN]],
    ['["\\ud800"]', ['\ud800']],
    [`[NaN${',[]'.repeat(600)}]`, [Number.NaN, ...Array.from({ length: 600 }, () => [])]],
    ['{"a": 1, "a": NaN, "a": 3}', { a: 3 }],
  ]
  for (const [text, value] of cases) assert.deepEqual(decodeWireJson(text), value, text)
})

test('what Python writes survives being read and written again', () => {
  const text =
    '[[12345678901234567890123, NaN, -Infinity, 1.0, 0.1], {"big": -9007199254740993, "e": 1e+22}, {"callbacks": null}]'
  const value = decodeWireJson(text)
  assert.deepEqual(value, [
    [12345678901234567890123n, Number.NaN, Number.NEGATIVE_INFINITY, 1, 0.1],
    { big: -9007199254740993n, e: 1e22 },
    { callbacks: null },
  ])
  const again = encodeWireJson(value)
  assert.equal(
    again,
    '[[12345678901234567890123,NaN,-Infinity,1,0.1],{"big":-9007199254740993,"e":1e+22},{"callbacks":null}]',
  )
  assert.deepEqual(decodeWireJson(again), value)
})

test('decodeWireJson() turns the tags of kombu into what comes nearest', () => {
  const uuid = '0f1e2d3c-4b5a-4678-9abc-def012345678'
  const cases: [string, unknown][] = [
    [tagged('datetime', '"2030-01-02T03:04:05.678901+02:00"'), new Date('2030-01-02T01:04:05.678Z')],
    [tagged('datetime', '"2030-01-02T03:04:05"'), new Date('2030-01-02T03:04:05Z')],
    [tagged('date', '"2030-01-02"'), '2030-01-02'],
    [tagged('time', '"03:04:05.000006"'), '03:04:05.000006'],
    [tagged('decimal', '"1.50"'), '1.50'],
    [tagged('uuid', `{"hex": "${uuid.replaceAll('-', '')}", "version": 4}`), uuid],
    [tagged('uuid', `{"hex": "${uuid.toUpperCase()}"}`), uuid],
    [tagged('bytes', '"gr\\u00fc\\u00df"'), new TextEncoder().encode('grüß')],
    [tagged('base64', '"AP8Q"'), new Uint8Array([0, 255, 16])],
    [tagged('base64', '""'), new Uint8Array()],
    [tagged('money', '5'), { __type__: 'money', __value__: 5 }],
    [tagged('constructor', '5'), { __type__: 'constructor', __value__: 5 }],
    ['{"__type__": 5, "__value__": 5}', { __type__: 5, __value__: 5 }],
    ['{"__type__": "date"}', { __type__: 'date' }],
    ['{"__type__": "date", "__value__": "x", "more": 1}', { __type__: 'date', __value__: 'x', more: 1 }],
    ['{"\\u005f_type__": "bytes", "__value__": "a"}', new Uint8Array([97])],
    [`[${tagged('bytes', '"a"')}, {"deep": ${tagged('decimal', '"1"')}}]`, [new Uint8Array([97]), { deep: '1' }]],
  ]
  for (const [text, value] of cases) assert.deepEqual(decodeWireJson(text), value, text)
})

test('decodeWireJson() refuses a tag whose value is none', () => {
  for (const text of [
    tagged('datetime', '"yesterday"'),
    tagged('datetime', '5'),
    tagged('uuid', '{"hex": "12"}'),
    tagged('uuid', 'null'),
    tagged('base64', '"A"'),
    tagged('base64', '"A-A="'),
    tagged('base64', '"A_A="'),
    tagged('base64', '"AA A"'),
    tagged('base64', '"A===AAAA"'),
    tagged('decimal', '1.5'),
    tagged('bytes', '[1]'),
  ]) {
    assert.throws(() => decodeWireJson(`[${text}]`), MalformedJsonError, text)
  }
})

test('decodeWireJson() says where a text stops being JSON', () => {
  const cases: [string, number, RegExp][] = [
    ['', 0, /too early/],
    ['[1', 2, /","/],
    ['[1,]', 3, /comma/],
    ['{"a":1,}', 7, /comma/],
    ['[,1]', 1, /value/],
    ['{1:2}', 1, /key/],
    ['{"a" 1}', 5, /":"/],
    ['[1] 2', 4, /more text/],
    ['"abc', 4, /closed/],
    ['"a\u0000b"', 2, /control/],
    ['"a\\x"', 0, /escape/],
    ['01', 1, /more text/],
    ['-', 0, /number/],
    ['1.', 1, /more text/],
    ['nul', 0, /value/],
    ['-NaN', 0, /number/],
    ['\ufeff1', 0, /value/],
    ['"\ud800"', 0, /surrogate/],
    ['9'.repeat(4301), 0, /4300 digits/],
    ['['.repeat(513), 512, /deeper than 512/],
  ]
  for (const [text, position, reason] of cases) {
    assert.throws(
      () => decodeWireJson(text),
      (error) => {
        assert.ok(error instanceof MalformedJsonError)
        assert.deepEqual([error.position, reason.test(error.reason)], [position, true], `${text} gave ${error.message}`)
        return true
      },
    )
  }
})

test('decodeWireJson() keeps __proto__ an ordinary key, on the fast way and on the slow one', () => {
  for (const rest of ['', ', "slow": NaN']) {
    const value = decodeWireJson(`{"__proto__": {"admin": true}, "constructor": {"prototype": 1}${rest}}`) as object
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.ok(Object.hasOwn(value, '__proto__'))
    assert.equal((value as { admin?: unknown }).admin, undefined)
    assert.equal(({} as { admin?: unknown }).admin, undefined)
    assert.match(encodeWireJson(value), /^\{"__proto__":\{"admin":true\},"constructor":\{"prototype":1\}/)
  }
})

function tagged(tag: string, value: string): string {
  return `{"__type__": "${tag}", "__value__": ${value}}`
}
