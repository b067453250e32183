/** Bodies that nobody well-meaning sends. Each gives one error that says what is wrong, and costs little. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { isCaromError } from '../../src/errors.ts'
import { readTaskBody } from '../../src/message/task-message.ts'
import { messageOf } from './wire-fixtures.ts'

test('an empty, random or badly encoded body is refused', () => {
  refused(messageOf(''), 'body', /is empty/)
  refused(messageOf(Buffer.from([0x9c, 0x00, 0xff, 0x13])), 'body', /UTF-8/)
  refused(messageOf(Buffer.from([0x22, 0xff, 0x22])), 'body', /UTF-8/)
  refused(messageOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), 'body', /UTF-8/)
  refused(messageOf('\ufeff[[],{},{}]'), 'body', /not JSON: at position 0/)
  refused(messageOf('[[1,2],{}'), 'body', /not JSON: at position 9/)
})

test('a body of the wrong shape is refused, and the part is named', () => {
  const cases: [string, string][] = [
    ['5', 'body'],
    ['null', 'body'],
    ['"text"', 'body'],
    ['{}', 'body'],
    ['[]', 'body'],
    ['[[],{}]', 'body'],
    ['[[],{},{},{}]', 'body'],
    ['[null,{},{}]', 'body[0] (args)'],
    ['[{},{},{}]', 'body[0] (args)'],
    ['[[],[],{}]', 'body[1] (kwargs)'],
    ['[[],null,{}]', 'body[1] (kwargs)'],
    ['[[],{"__type__":"bytes","__value__":"a"},{}]', 'body[1] (kwargs)'],
    ['[[],{},null]', 'body[2] (embed)'],
    ['[[],{},[]]', 'body[2] (embed)'],
    ['[[],{},{"callbacks":{}}]', 'body[2].callbacks'],
    ['[[],{},{"errbacks":[{"task":"a"},5]}]', 'body[2].errbacks[1]'],
    ['[[],{},{"chain":[{"task":5}]}]', 'body[2].chain[0].task'],
    ['[[],{},{"chord":[]}]', 'body[2].chord'],
  ]
  for (const [body, field] of cases) refused(messageOf(body), field, /expected/)
  refused(messageOf('[[],{},{}]', { id: undefined }), 'headers.id', /missing/)
  refused(messageOf('[[],{},{}]', { task: null }), 'headers.task', /null/)
})

test('another content type is refused by name, and never guessed', () => {
  for (const [contentType, why] of [
    ['application/x-python-serialize', /pickle runs code of its sender/],
    ['application/x-yaml', /not listed in acceptContent/],
    ['application/x-msgpack', /only application\/json/],
    ['application/data', /only application\/json/],
    ['text/plain', /only application\/json/],
    ['json', /only application\/json/],
    ['', /only application\/json/],
  ] as const) {
    refused(messageOf('[[],{},{}]', {}, { contentType }), 'content-type', why)
  }
  refused(messageOf('[[],{},{}]', {}, { contentEncoding: 'utf-16' }), 'content-encoding', /utf-8/)
  for (const contentEncoding of ['UTF-8', 'binary', 'us-ascii', '']) {
    assert.doesNotThrow(() => readTaskBody(messageOf('[[],{},{}]', {}, { contentEncoding })))
  }
})

test('compression that is unknown, damaged, or not what it says is refused', () => {
  const compressed = deflateSync('[[],{},{}]')
  assert.deepEqual(readTaskBody(messageOf(compressed, { compression: 'application/x-gzip' })).args, [])
  refused(messageOf(compressed, { compression: 'application/x-rot13' }), 'body', /unknown/)
  refused(messageOf(compressed, { compression: 'application/x-bz2' }), 'body', /Node cannot read/)
  refused(messageOf(compressed, { compression: 5 }), 'headers.compression', /number/)
  refused(messageOf(compressed.subarray(0, 6), { compression: 'gzip' }), 'body', /damaged/)
  refused(messageOf('[[],{},{}]', { compression: 'gzip' }), 'body', /damaged/)
  refused(messageOf(compressed), 'body', /UTF-8/)
})

test('a body is inflated no further than maxBytes, and not read at all if it is longer', () => {
  const bomb = deflateSync(Buffer.alloc(200_000_000))
  assert.ok(bomb.length < 200_000)
  refused(messageOf(bomb, { compression: 'gzip' }), 'body', /more than 67108864 bytes/)
  const message = messageOf(`[["${'x'.repeat(1000)}"],{},{}]`)
  assert.throws(() => readTaskBody(message, { maxBytes: 1000 }), /has 1012 bytes, more than the 1000/)
  assert.doesNotThrow(() => readTaskBody(message, { maxBytes: 1012 }))
})

test('nesting of 100,000 levels is refused by its depth', () => {
  refused(messageOf(`[[${'['.repeat(1e5)}${']'.repeat(1e5)}],{},{}]`), 'body', /deeper than 512/)
  refused(messageOf(`[[${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}],{},{}]`), 'body', /deeper than 512/)
  refused(messageOf('['.repeat(1e5)), 'body', /deeper than 512/)
})

test('keys that could poison a prototype stay ordinary keys', () => {
  const body = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'
  const { args, kwargs } = readTaskBody(messageOf(`[[${body}],${body},{}]`))
  for (const object of [args[0] as object, kwargs]) {
    assert.equal(Object.getPrototypeOf(object), Object.prototype)
    assert.deepEqual(Object.keys(object), ['__proto__', 'constructor'])
  }
  assert.equal(({} as { admin?: unknown }).admin, undefined)
})

test('equal keys, a million keys and a key of a million characters are read', () => {
  const million = Array.from({ length: 1e6 }, (_, index) => `"k${index}":${index}`).join(',')
  const { args } = readTaskBody(messageOf(`[[{${million}}],{},{}]`))
  assert.equal((args[0] as Record<string, unknown>).k999999, 999999)
  const long = 'x'.repeat(1e6)
  const { kwargs } = readTaskBody(messageOf(`[[],{"a":1,"${long}":2,"a":3,"big":${2n ** 80n}},{}]`))
  assert.deepEqual(kwargs, { a: 3, [long]: 2, big: 2n ** 80n })
})

function refused(message: ReturnType<typeof messageOf>, field: string, reason: RegExp): void {
  assert.throws(
    () => readTaskBody(message),
    (error) => {
      assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
      assert.equal(error.field, field)
      assert.match(error.message, reason)
      assert.ok(error.message.length < 400)
      return true
    },
  )
}
