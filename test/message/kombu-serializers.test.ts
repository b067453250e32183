/** Both ways between our serialisers and those of kombu itself, one table of values for all. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as zlib from 'node:zlib'
import { decodeBody } from '../../src/message/body.ts'
import {
  COMPRESSIONS,
  type CompressionName,
  compress,
  decompress,
  whyNotCompress,
} from '../../src/message/compression.ts'
import { type PlainSerializer, SERIALIZERS, serialize } from '../../src/message/serializers.ts'
import { encodeWireJson } from '../../src/message/wire-json.ts'
import { lacking, Python } from './python.ts'
import { messageOf } from './wire-fixtures.ts'

const skip = lacking('python3-kombu')
let python: Python
before(() => {
  if (skip === false) python = new Python()
})
after(() => python?.end())

interface Row {
  /** What Python has. */
  readonly python: string
  /** What we have, both written and read. */
  readonly ours: unknown
  /** Serialisers of kombu 5.2 that do not carry it like that, with the reason. */
  readonly not?: Partial<Record<PlainSerializer, string>>
}

const TAGS = 'kombu 5.2 has no tags'
const ROWS: readonly Row[] = [
  { python: '[None, True, False]', ours: [null, true, false] },
  {
    python: "['', 'grüße 🎉', ' a ', '\\n\\t\\x00\\x7f\\x85\\u2028', 'x' * 70000]",
    ours: ['', 'grüße 🎉', ' a ', '\n\t\0\x7f\x85\u2028', 'x'.repeat(70_000)],
  },
  {
    python:
      "['08', '1e5', '12e3456', 'yes', 'No', 'on', '~', '1:30', '0o17', '0x1f', '1_000', '.5', '1.', '=', '<<', '2026-01-01', '2026-01-01 10:00:00', '.nan', 'null', '!x', '&a', '*a', '- 1', '? b', '%']",
    ours: [
      '08',
      '1e5',
      '12e3456',
      'yes',
      'No',
      'on',
      '~',
      '1:30',
      '0o17',
      '0x1f',
      '1_000',
      '.5',
      '1.',
      '=',
      '<<',
      '2026-01-01',
      '2026-01-01 10:00:00',
      '.nan',
      'null',
      '!x',
      '&a',
      '*a',
      '- 1',
      '? b',
      '%',
    ],
  },
  {
    python: '[0, 1, -1, 127, 128, -32, -33, -128, -129, 255, 256, 65535, 65536, 2**31, -2**31 - 1, 2**32, 2**53 - 1]',
    ours: [
      0,
      1,
      -1,
      127,
      128,
      -32,
      -33,
      -128,
      -129,
      255,
      256,
      65535,
      65536,
      2 ** 31,
      -(2 ** 31) - 1,
      2 ** 32,
      2 ** 53 - 1,
    ],
  },
  { python: '[2**53, 2**64 - 1, -2**63]', ours: [2n ** 53n, 2n ** 64n - 1n, -(2n ** 63n)] },
  { python: '[2**200]', ours: [2n ** 200n], not: { msgpack: 'no integer beyond 64 bits' } },
  {
    python: "[0.1, -1.5, 1e21, 1e-7, 1e100, 5e-324, float('inf'), float('-inf')]",
    ours: [0.1, -1.5, 1e21, 1e-7, 1e100, 5e-324, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  },
  {
    python: "{'a': {'b': [[], {}, [{}]]}, '': 1, '__proto__': {'x': 1}, 'constructor': 2, 'k' * 2000: 3}",
    ours: JSON.parse(
      `{"a": {"b": [[], {}, [{}]]}, "": 1, "__proto__": {"x": 1}, "constructor": 2, "${'k'.repeat(2000)}": 3}`,
    ),
  },
  { python: 'list(range(70000))', ours: Array.from({ length: 70_000 }, (_, index) => index) },
  { python: "[b'', b'\\x00\\xff\\n']", ours: [new Uint8Array(), Uint8Array.of(0, 255, 10)], not: { json: TAGS } },
  {
    python: '[datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)]',
    ours: [new Date('2026-01-02T03:04:05.678Z')],
    not: { json: TAGS, msgpack: "kombu gives msgpack's packer no dates" },
  },
  {
    python: "[[(1, 2), ['x']], {'a': None}, {'callbacks': None, 'chain': []}]".replace('(1, 2)', '[1, 2]'),
    ours: [[[1, 2], ['x']], { a: null }, { callbacks: null, chain: [] }],
  },
]

/** What kombu needs for each. */
const PACKAGES: Readonly<Record<PlainSerializer, readonly string[]>> = {
  json: [],
  msgpack: ['python3-msgpack'],
  yaml: ['python3-yaml'],
}
const skips = (serializer: PlainSerializer) => skip || lacking(...PACKAGES[serializer])

for (const serializer of ['json', 'msgpack', 'yaml'] as const) {
  for (const { python: expression, ours, not = {} } of ROWS) {
    const shown = expression.length > 60 ? `${expression.slice(0, 60)}…` : expression
    const why = not[serializer]
    if (why !== undefined) continue
    test(`${serializer}: ${shown} is the same on both sides`, { skip: skips(serializer) }, async () => {
      const theirs = await python.ask({ ask: 'dumps', serializer, expression })
      assert.equal(theirs.error, undefined)
      const { contentType, contentEncoding } = SERIALIZERS[serializer]
      assert.deepEqual([theirs.contentType, theirs.contentEncoding], [contentType, contentEncoding])
      const message = messageOf(bytesOf(theirs.body), {}, { contentType, contentEncoding })
      assert.deepEqual(decodeBody(message, { accept: new Set([contentType]) }), ours)

      const body = Buffer.from(serialize(encodeWireJson(ours), serializer, 'value')).toString('base64')
      const { error, equal, repr } = await python.ask({ ask: 'loads', contentType, contentEncoding, body, expression })
      assert.equal(error, undefined)
      assert.ok(equal, `Python reads ${String(repr).slice(0, 300)}`)
    })
  }
}

test('not a number stays one, and a date in msgpack is the timestamp that Python has for it', {
  skip: skip || lacking('python3-msgpack', 'python3-yaml'),
}, async () => {
  for (const serializer of ['json', 'msgpack', 'yaml'] as const) {
    const { contentType, contentEncoding } = SERIALIZERS[serializer]
    const body = Buffer.from(serialize('[NaN]', serializer, 'value')).toString('base64')
    const read = await python.ask({ ask: 'loads', contentType, contentEncoding, body, expression: '[]' })
    assert.equal(read.repr, '[nan]')
    const theirs = await python.ask({ ask: 'dumps', serializer, expression: "[float('nan')]" })
    const message = messageOf(bytesOf(theirs.body), {}, { contentType })
    assert.deepEqual(decodeBody(message, { accept: new Set([contentType]) }), [Number.NaN])
  }
  for (const [date, repr] of [
    ['2026-01-02T03:04:05.678Z', '[Timestamp(seconds=1767323045, nanoseconds=678000000)]'],
    ['1969-12-31T23:59:59.999Z', '[Timestamp(seconds=-1, nanoseconds=999000000)]'],
  ] as const) {
    const body = Buffer.from(serialize(encodeWireJson([new Date(date)]), 'msgpack', 'value')).toString('base64')
    const { contentType, contentEncoding } = SERIALIZERS.msgpack
    assert.equal((await python.ask({ ask: 'loads', contentType, contentEncoding, body, expression: '[]' })).repr, repr)
  }
})

test('what several places of a Python value share comes as an anchor, and is read', {
  skip: skips('yaml'),
}, async () => {
  const theirs = await python.ask({
    ask: 'dumps',
    serializer: 'yaml',
    expression: '(lambda x: [x, x, {"a": x}])([1, 2])',
  })
  assert.match(bytesOf(theirs.body).toString(), /&id001[\s\S]*\*id001/)
  const message = messageOf(bytesOf(theirs.body), {}, { contentType: 'application/x-yaml' })
  assert.deepEqual(decodeBody(message, { accept: new Set(['application/x-yaml']) }), [[1, 2], [1, 2], { a: [1, 2] }])
})

test('raw text and raw bytes are what kombu calls them', { skip }, async () => {
  const accept = new Set(['text/plain', 'application/data'])
  for (const [serializer, expression, expected] of [
    [null, "'grüße'", 'grüße'],
    [null, "b'\\xff\\x00'", Uint8Array.of(255, 0)],
    ['raw', "'grüße'", 'grüße'],
    ['raw', "b'\\xff\\x00'", Uint8Array.of(255, 0)],
  ] as const) {
    const { contentType, contentEncoding, body } = await python.ask({ ask: 'dumps', serializer, expression })
    const content = { contentType: String(contentType), contentEncoding: String(contentEncoding) }
    assert.deepEqual(decodeBody(messageOf(bytesOf(body), {}, content), { accept }), expected)
  }
})

const COMPRESSION_PACKAGES = { gzip: [], brotli: ['python3-brotli'], zstd: ['python3-zstandard'] }
for (const name of ['gzip', 'brotli', 'zstd'] as const satisfies CompressionName[]) {
  test(`${name} is compressed and decompressed by both sides`, {
    skip: skip || lacking(...COMPRESSION_PACKAGES[name]),
  }, async (t) => {
    const why = whyNotCompress(name)
    if (why !== null) return t.skip(`Node cannot compress with ${name}, ${why}`)
    const plain = Buffer.from(`[["${'x'.repeat(1000)}"],{},{}]`)
    const theirs = await python.ask({ ask: 'compress', method: name, body: plain.toString('base64') })
    assert.deepEqual([theirs.error, theirs.contentType], [undefined, COMPRESSIONS[name]])
    assert.deepEqual(Buffer.from(decompress(bytesOf(theirs.body), COMPRESSIONS[name])), plain)
    const body = Buffer.from(compress(plain, name)).toString('base64')
    const read = await python.ask({ ask: 'decompress', contentType: COMPRESSIONS[name], body })
    assert.deepEqual([read.error, bytesOf(read.body ?? '')], [undefined, plain])
  })
}

test('what Node has of zstd is what this test believes', () => {
  assert.equal(whyNotCompress('zstd') === null, 'zstdCompressSync' in zlib)
})

function bytesOf(base64: unknown): Buffer {
  return Buffer.from(String(base64), 'base64')
}
