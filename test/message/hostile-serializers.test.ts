/** Bodies in msgpack and YAML that nobody well-meaning sends, and envelopes with a field gone or of another kind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import { decodeBody } from '../../src/message/body.ts'
import { parseEnvelope } from '../../src/message/envelope.ts'
import { readTask } from '../../src/message/task-message.ts'
import { MAX_YAML_BYTES } from '../../src/message/wire-yaml-decode.ts'
import { checkPollution } from './fuzzed-message.ts'
import { capturedMessages, messageOf } from './wire-fixtures.ts'

const MSGPACK = 'application/x-msgpack'
const YAML = 'application/x-yaml'
const accept = new Set([MSGPACK, YAML, 'application/json'])

function refused(contentType: string, body: string | Uint8Array, reason: RegExp): void {
  assert.throws(
    () => decodeBody(messageOf(body, {}, { contentType }), { accept }),
    (error) => {
      assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
      assert.equal(error.field, 'body')
      assert.match(error.message, reason)
      assert.ok(error.message.length < 500)
      return true
    },
  )
}

function bytes(hex: string, ...more: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), ...more])
}

test('msgpack that is damaged, or promises more than there is, is refused before anything is made of it', () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(), /is empty/],
    [bytes('c1'), /at byte 1, a byte that begins no value/],
    [bytes('92 01'), /more values than there are bytes/],
    [bytes('92 01 a5 61'), /the bytes end too early/],
    [bytes('01 02'), /more after the value/],
    [bytes('dd ffffffff'), /more values than there are bytes/],
    [bytes('df ffffffff'), /more values than there are bytes/],
    [bytes('db ffffffff'), /end too early/],
    [bytes('c6 ffffffff'), /end too early/],
    [bytes('c9 ffffffff ff'), /end too early/],
    [bytes('a1 ff'), /not valid UTF-8/],
    [bytes('a3 eda080'), /not valid UTF-8/],
    [bytes('81 01 02'), /a key that is not text/],
    [bytes('81 c4 01 61 02'), /a key that is not text/],
    [bytes('81 90 02'), /a key that is not text/],
    [bytes('', new Uint8Array(1e5).fill(0x91)), /nested deeper than 512/],
    [bytes('', Buffer.from('81a161'.repeat(1e5), 'hex')), /nested deeper than 512/],
    [bytes('dd', Buffer.from('02000000', 'hex'), new Uint8Array(2 ** 25).fill(0x90)), /more than 5000000 values/],
  ]
  for (const [body, reason] of cases) refused(MSGPACK, body, reason)
})

test('no extension of msgpack makes an object, but the timestamp a date', () => {
  // Those that msgpackr makes records, errors, sets, regular expressions and typed arrays of.
  for (const type of [0, 1, 0x42, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78]) {
    refused(MSGPACK, bytes(`d5 ${type.toString(16).padStart(2, '0')} 9240`), new RegExp(`extension of type ${type}`))
  }
  const read = (hex: string) => decodeBody(messageOf(bytes(hex), {}, { contentType: MSGPACK }), { accept })
  assert.deepEqual(read('d6 ff 00000001'), new Date(1000))
  assert.deepEqual(read(`d7 ff ${((499_000_000n << 34n) | 1n).toString(16)}`), new Date(1499))
  assert.deepEqual(read('c7 0c ff 3b9ac9ff ffffffffffffffff'), new Date(-1))
  for (const hex of ['d4 ff 00', 'd5 ff 0000', 'd7 ff fffffffc00000001', 'c7 0c ff 00000000 7fffffffffffffff']) {
    refused(MSGPACK, bytes(hex), /a timestamp that is none/)
  }
})

test('keys of msgpack and YAML that could poison a prototype stay ordinary keys', () => {
  const msgpack = bytes(
    '82 a9',
    Buffer.from('__proto__'),
    bytes('81 a5'),
    Buffer.from('admin'),
    bytes('c3 ab'),
    Buffer.from('constructor'),
    bytes('01'),
  )
  const yaml = '{__proto__: {admin: true}, constructor: 1}'
  for (const [contentType, body] of [
    [MSGPACK, msgpack],
    [YAML, yaml],
  ] as const) {
    const read = decodeBody(messageOf(body, {}, { contentType }), { accept }) as object
    assert.deepEqual(Object.keys(read), ['__proto__', 'constructor'])
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
  }
  checkPollution()
})

test('YAML is plain data: no tags that make objects, no bombs of aliases, no second document', () => {
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 10; level++)
    bomb.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(',')}]`,
    )
  const cases: [string, RegExp][] = [
    ['!!python/object/apply:os.system ["id"]', /Unresolved tag/],
    ['!!js/function "function () {}"', /Unresolved tag/],
    ['- !mine {a: 1}', /Unresolved tag/],
    ['!!set {a, b}', /Unresolved tag/],
    ['!!omap [a: 1]', /Unresolved tag/],
    [bomb.join('\n'), /Excessive alias count/],
    [`- &a 1\n${'- *a\n'.repeat(200)}`, /Excessive alias count/],
    ['&a [*a]', /nested deeper/],
    [Array.from({ length: 501 }, (_, index) => `- &a${index} 1\n- *a${index}\n`).join(''), /more than 1000 anchors/],
    [`- &a [${'1,'.repeat(20_000)}]\n${'- *a\n'.repeat(99)}`, /make more than 1048576 values/],
    ['- *nobody', /Unresolved alias/],
    ['a: 1\n---\nb: 2', /not one document/],
    ['[1, 2', /not YAML/],
    ['{a: "b}', /not YAML/],
    ['- 2026-13-40 10:00:00', /a date that is none/],
    ['!!timestamp "soon"', /Unresolved tag/],
    ['!!binary "%%%"', /not base64/],
    [`- ${'9'.repeat(5_000)}`, /more than 4300 digits/],
    ['['.repeat(1e5), /nested deeper than 512/],
    ['{a: '.repeat(1e5), /nested deeper than 512/],
    ['- '.repeat(1e5), /nested deeper than 512/],
    ['? '.repeat(1e5), /nested deeper than 512/],
    [`${'['.repeat(513)}${']'.repeat(513)}`, /nested deeper than 512/],
    [' '.repeat(MAX_YAML_BYTES + 1), /longer than the 1048576/],
  ]
  for (const [body, reason] of cases) {
    refused(YAML, body, reason)
  }
})

test('a body of 64 MiB is read as JSON and as msgpack, and one byte more is refused unread', () => {
  const size = 64 * 1024 * 1024
  const json = Buffer.alloc(size, 'x')
  json.write('[["')
  json.write('"],{},{}]', size - 9)
  assert.equal((readTask(messageOf(json)).args[0] as string).length, size - 12)
  const msgpack = Buffer.alloc(size, 'x')
  msgpack.set([0x93, 0x91, 0xdb])
  msgpack.writeUInt32BE(size - 9, 3)
  msgpack.set([0x80, 0x80], size - 2)
  const read = readTask(messageOf(msgpack, {}, { contentType: MSGPACK }), { accept })
  assert.equal((read.args[0] as string).length, size - 9)
  for (const contentType of [MSGPACK, YAML, 'application/json']) {
    refused(contentType, Buffer.alloc(size + 1, 'x'), /has 67108865 bytes, more than the 67108864 that are read/)
  }
  refused(YAML, Buffer.alloc(size, 'x'), /longer than the 1048576/)
})

test('an envelope with any field gone is read and told apart, or refused by its name', () => {
  const { raw } = capturedMessages().find(({ name }) => name === 'redis-56-task-kwargs.json') as { raw: string }
  for (const path of FIELDS) {
    const envelope = JSON.parse(raw) as Fields
    delete holderOf(envelope, path)[path.at(-1) as string]
    const outcome = outcomeOf(JSON.stringify(envelope))
    assert.equal(outcome, GONE[path.join('.')] ?? 'read', path.join('.'))
  }
})

test('an envelope with any field of another kind is refused by the name of the field', () => {
  const { raw } = capturedMessages().find(({ name }) => name === 'redis-56-task-kwargs.json') as { raw: string }
  const values = [5, true, 'x', [], {}, [1], { a: 1 }, 1e300, { __type__: 'bytes', __value__: 'x' }]
  let refusals = 0
  for (const path of FIELDS) {
    for (const value of values) {
      const envelope = JSON.parse(raw) as Fields
      const holder = holderOf(envelope, path)
      holder[path.at(-1) as string] = value
      const outcome = outcomeOf(JSON.stringify(envelope))
      // What is right for the field is read; what nobody looks at is kept.
      if (outcome === 'read') continue
      refusals++
      // Without properties nothing says that the body is in base64.
      const named = path.length === 1 ? [path[0] ?? '', 'headers.task', 'body'] : [path.join('.'), 'body']
      assert.ok(named.includes(outcome), `${path.join('.')}: ${outcome}`)
    }
  }
  assert.ok(refusals > 150, `only ${refusals} were refused`)
})

type Fields = Record<string, unknown>

const FIELDS: readonly (readonly string[])[] = [
  ['body'],
  ['content-type'],
  ['content-encoding'],
  ['headers'],
  ['properties'],
  ...'task id eta expires retries timelimit root_id parent_id group group_index shadow origin lang argsrepr ignore_result'
    .split(' ')
    .map((name) => ['headers', name]),
  ...'correlation_id reply_to delivery_mode delivery_info priority body_encoding delivery_tag expiration'
    .split(' ')
    .map((name) => ['properties', name]),
  ['properties', 'delivery_info', 'exchange'],
  ['properties', 'delivery_info', 'routing_key'],
]
/** The field that is named where one is gone. What is not here may be missing. */
const GONE: Readonly<Record<string, string>> = {
  body: 'body',
  'content-type': 'content-type',
  headers: 'headers.task',
  'headers.task': 'headers.task',
  'headers.id': 'headers.id',
  properties: 'body',
  'properties.body_encoding': 'body',
}

function holderOf(envelope: Fields, path: readonly string[]): Fields {
  return path.slice(0, -1).reduce((holder, key) => holder[key] as Fields, envelope)
}

/** `read`, or the field that the refusal names. */
function outcomeOf(text: string): string {
  try {
    readTask(parseEnvelope(text))
    return 'read'
  } catch (error) {
    assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String(error))
    return String(error.field)
  }
}
