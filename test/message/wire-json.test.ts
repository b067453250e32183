import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { decodeWireJson, encodeWireJson, MAX_JSON_DEPTH, UnencodableError } from '../../src/message/wire-json.ts'

test('encodeWireJson() writes what Python knows and JSON does not', () => {
  const cases: [unknown, string][] = [
    [undefined, 'null'],
    [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
    [[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], '[NaN,Infinity,-Infinity]'],
    [[-0, [Number.NaN, -0]], '[0,[NaN,0]]'],
    [{ id: 2n ** 64n, small: 5n }, '{"id":18446744073709551616,"small":5}'],
    [[2 ** 60, 1e21, 2 ** 53, 2 ** 53 - 1], '[1152921504606847000.0,1e+21,9007199254740992.0,9007199254740991]'],
    [new Date(Date.UTC(2030, 0, 2, 3, 4, 5, 678)), datetime('2030-01-02T03:04:05.678000+00:00')],
    [Buffer.from([0, 255, 16]), '{"__type__":"base64","__value__":"AP8Q"}'],
    [{ b: new Uint8Array([1, 2]).subarray(1) }, '{"b":{"__type__":"base64","__value__":"Ag=="}}'],
    [new URL('http://shop.example/a'), '"http://shop.example/a"'],
    [{ toJSON: (key: string) => ({ key, at: new Date(0) }) }, `{"key":"","at":${datetime(EPOCH)}}`],
    [{ when: { toJSON: () => new Date(0) } }, `{"when":${datetime(EPOCH)}}`],
    [{ a: { toJSON: () => undefined }, b: 1 }, '{"b":1}'],
    [Object.defineProperty({}, 'toJSON', { value: () => Number.NaN, enumerable: false }), 'NaN'],
    [[{ toJSON: (key: string) => key }], '["0"]'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [runInNewContext('({ a: [1, { b: new Date(0) }] })'), `{"a":[1,{"b":${datetime(EPOCH)}}]}`],
    [new Point(1, 2), '{"x":1,"y":2}'],
    [[Object('text'), Object(1n)], '["text",1]'],
    ['\ud800 "quoted" \u2028', '"\\ud800 \\"quoted\\" \u2028"'],
    [{ __type__: 'date', __value__: undefined, more: 1 }, '{"__type__":"date","more":1}'],
    [{ __type__: Number.NaN, more: 1 }, '{"__type__":NaN,"more":1}'],
    [{ __type__: Number.NaN, __value__: 1 }, '{"__type__":NaN,"__value__":1}'],
    [{ __type__: 'money', __value__: 5 }, '{"__type__":"money","__value__":5}'],
    [{ __type__: 'date', __value__: 5, more: 1 }, '{"__type__":"date","__value__":5,"more":1}'],
  ]
  for (const [value, text] of cases) assert.equal(encodeWireJson(value), text)
})

test('encodeWireJson() refuses what would not arrive, and says where it is', () => {
  const cycle: Record<string, unknown> = { n: { list: [1] } }
  ;(cycle.n as Record<string, unknown>).self = cycle
  const cases: [unknown, string, RegExp][] = [
    [() => 1, 'result', /function/],
    [{ items: [1, 2, 3, { fn: () => 1 }] }, 'result.items[3].fn', /function/],
    [{ 'a b': [Symbol('s')] }, 'result["a b"][0]', /symbol/],
    [{ m: new Map([[1, 2]]) }, 'result.m', /Map/],
    [{ s: new Set([1]) }, 'result.s', /Set/],
    [[Promise.resolve(1)], 'result[0]', /await/],
    [{ e: new Error('x') }, 'result.e', /throw it/],
    [{ f: new Float64Array(2) }, 'result.f', /Uint8Array/],
    [{ f: new ArrayBuffer(2) }, 'result.f', /Uint8Array/],
    [{ r: /x/ }, 'result.r', /own fields/],
    [{ at: new Date(Number.NaN) }, 'result.at', /invalid Date/],
    [{ at: new Date(8.64e15) }, 'result.at', /9999/],
    [{ n: 10n ** 4300n }, 'result.n', /4300 digits/],
    [{ n: -(10n ** 4300n) }, 'result.n', /4300 digits/],
    [cycle, 'result.n.self', /itself/],
    [nested(MAX_JSON_DEPTH + 1), `result${'[0]'.repeat(65)}…`, /deeper than 512/],
    [{ d: { __type__: 'datetime', __value__: EPOCH } }, 'result.d', /"__type__" and "__value__"/],
    [[{ __type__: 'date', __value__: '1', more: undefined }], 'result[0]', /a date/],
    [{ __type__: { toJSON: () => 'uuid' }, __value__: null }, 'result', /a uuid/],
    [Object(Symbol('s')), 'result', /symbol/],
  ]
  for (const [value, path, reason] of cases) {
    const error = thrownBy(() => encodeWireJson(value, { root: 'result' }))
    assert.equal(error.path, path)
    assert.match(error.reason, reason)
    assert.ok(error.message.startsWith(`Cannot encode ${path}: `))
  }
})

test('encodeWireJson() keeps what a getter, a toJSON or a Proxy threw as the cause', () => {
  const boom = new Error('boom')
  const throws = () => {
    throw boom
  }
  const getter = { ok: 1, deep: [Object.defineProperty({}, 'bad', { get: throws, enumerable: true })] }
  const proxy = new Proxy({}, { ownKeys: throws })
  const cases: [unknown, string][] = [
    [getter, 'value.deep[0].bad'],
    [{ a: [{ toJSON: throws }] }, 'value.a[0]'],
    [[0, proxy], 'value[1]'],
  ]
  for (const [value, path] of cases) {
    const error = thrownBy(() => encodeWireJson(value))
    assert.equal(error.path, path)
    assert.equal(error.cause, boom)
  }
})

test('encodeWireJson() is not fooled by a getter that is plain only at first sight', () => {
  let reads = 0
  const sly = Object.defineProperty({}, 'x', { get: () => (reads++ === 0 ? 1 : 1n), enumerable: true })
  assert.equal(encodeWireJson(sly), '{"x":1}')
})

test('encodeWireJson() honours a toJSON that somebody gave to every object', (t) => {
  t.after(() => Reflect.deleteProperty(Object.prototype, 'toJSON'))
  Object.defineProperty(Object.prototype, 'toJSON', { value: () => 'all', configurable: true })
  assert.equal(encodeWireJson({ a: 1 }), '"all"')
})

test('encodeWireJson() tells a shared object from a cycle, and finds a cycle beside many items', () => {
  const shared = { a: 1 }
  assert.equal(encodeWireJson([shared, [shared, Number.NaN]]), '[{"a":1},[{"a":1},NaN]]')
  const cycle: { items: number[]; self?: unknown } = { items: new Array(100_000).fill(7) }
  cycle.self = cycle
  assert.equal(thrownBy(() => encodeWireJson(cycle)).path, 'value.self')
})

test('the deepest value that is written is the deepest that is read', () => {
  for (const depth of [1, 63, 64, 65, MAX_JSON_DEPTH]) {
    const value = nested(depth)
    assert.deepEqual(decodeWireJson(encodeWireJson(value)), value)
  }
})

class Point {
  readonly x: number
  readonly y: number
  constructor(x: number, y: number) {
    this.x = x
    this.y = y
  }
  length(): number {
    return Math.hypot(this.x, this.y)
  }
}

function nested(depth: number): unknown {
  let value: unknown = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}

function datetime(text: string): string {
  return `{"__type__":"datetime","__value__":"${text}"}`
}

function thrownBy(run: () => unknown): UnencodableError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof UnencodableError, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'Nothing was thrown' })
}

const EPOCH = '1970-01-01T00:00:00.000000+00:00'
