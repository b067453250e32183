import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toJsonText } from '../../src/cli/json-text.ts'
import { printable, printableLines, redact } from '../../src/cli/printable.ts'
import { table } from '../../src/cli/table.ts'

// What a terminal obeys: CSI, OSC, the one-byte CSI, backspace, bell, and marks that turn text around.
const HOSTILE = 'a\x1b[2Jb\x1b]0;title\x07c\x9b31md\b\r\ne\u202ef\u2066g\u2028h'

test('printable() leaves nothing that a terminal obeys', () => {
  const shown = 'a\\x1b[2Jb\\x1b]0;title\\x07c\\x9b31md\\x08\\r\\ne\\u202ef\\u2066g\\u2028h'
  assert.equal(printable(HOSTILE), shown)
})

test('printable() leaves the letters of any language and emoji alone', () => {
  const text = 'Grüße, 世界, مرحبا, 👩‍👩‍👧 ok'
  assert.equal(printable(text), text)
})

test('printableLines() keeps line breaks and nothing else', () => {
  assert.equal(printableLines('one\n\x1b[1mtwo\r\nthree'), 'one\n\\x1b[1mtwo\nthree')
})

test('toJsonText() gives JSON that reads back the same and holds nothing a terminal obeys', () => {
  const text = toJsonText({ [HOSTILE]: HOSTILE })
  assert.doesNotMatch(text, /[\p{Cc}\p{Bidi_Control}\p{Zl}]/u)
  assert.deepEqual(JSON.parse(text), { [HOSTILE]: HOSTILE })
})

test('toJsonText() has a form for all that the wire carries', () => {
  const value = {
    big: 2n ** 64n,
    nan: Number.NaN,
    at: new Date(0),
    bytes: new Uint8Array([1, 2, 3]),
    gone: undefined,
    list: [undefined, null, true, 'x', 1.5],
  }
  const expected =
    '{"big":18446744073709551616,"nan":null,"at":"1970-01-01T00:00:00.000Z","bytes":"AQID","list":[null,null,true,"x",1.5]}'
  assert.equal(toJsonText(value), expected)
  assert.equal(toJsonText({ a: [1, {}], b: [] }, { indent: 2 }), '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}')
})

test('redact() hides passwords of URLs, also odd ones, and leaves other text alone', () => {
  const cases: [string, string][] = [
    ['redis://user:hunter2@host:6379/0 is gone', 'redis://user:***@host:6379/0 is gone'],
    ['redis://:hunter2@host', 'redis://:***@host'],
    ['amqp://u:p@ss/wo:rd@host/vhost', 'amqp://u:***@host/vhost'],
    ['https://host/?password=hunter2&a=1', 'https://host/?password=***&a=1'],
    ['at file:///srv/app/node_modules/@scope/x.js:1:2', 'at file:///srv/app/node_modules/@scope/x.js:1:2'],
    ['http://localhost:3000/a/b', 'http://localhost:3000/a/b'],
    ['shop@host-123 asked mail@example.com', 'shop@host-123 asked mail@example.com'],
  ]
  for (const [text, shown] of cases) assert.equal(redact(text), shown)
})

test('redact() is fast on text made to slow it', () => {
  const startedMs = performance.now()
  for (const piece of ['a://a:', 'aaaa', '://', 'a:@', '?key=']) redact(piece.repeat(20_000))
  assert.ok(performance.now() - startedMs < 2_000)
})

test('table() aligns its columns, numbers to the right, and keeps every cell to its line', () => {
  const rows = [
    ['shop', 12],
    ['a\nb\x1b', 3],
    ['longer than its heading', null],
  ] as const
  assert.equal(
    table(['QUEUE', 'WAITING'], rows),
    [
      'QUEUE                    WAITING',
      'shop                          12',
      'a\\nb\\x1b                       3',
      'longer than its heading        -',
    ].join('\n'),
  )
})
