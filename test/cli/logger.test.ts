import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prettyLine, wantsColours } from '../../src/cli/logger.ts'
import { CaromError } from '../../src/errors.ts'

const AT = new Date(2026, 0, 2, 14, 3, 22, 123)
const line = (facts: Record<string, unknown>, text = 'Something'): string => prettyLine('warn', facts, text, AT, false)

test('a pretty line holds time, level, sentence and facts', () => {
  const facts = { task: 'shop.add', ranMs: 12, queues: ['a', 'b'], why: 'no idea', none: null }
  assert.equal(
    line(facts, 'Task failed'),
    '14:03:22.123 warn  Task failed  task=shop.add  ranMs=12  queues=a,b  why="no idea"  none=null\n',
  )
})

test('a pretty line has colours only if asked', () => {
  assert.equal(line({ a: 1 }).includes('\x1b'), false)
  assert.ok(prettyLine('warn', {}, 'x', AT, true).includes('\x1b[33mwarn \x1b[0m'))
})

test('colours are for terminals whose user has not refused them', () => {
  assert.equal(wantsColours({ isTTY: true }, {}), true)
  assert.equal(wantsColours({}, {}), false)
  assert.equal(wantsColours({ isTTY: true }, { NO_COLOR: '1' }), false)
  assert.equal(wantsColours({ isTTY: true }, { NO_COLOR: '' }), true)
  assert.equal(wantsColours({ isTTY: true }, { TERM: 'dumb' }), false)
})

test('a pretty line stays one line and safe, whatever its facts and text hold', () => {
  const shown = line({ task: 'a\nforged\x1b[2J', deep: { text: '\x9b' } }, 'x\ny\x07')
  assert.equal(shown.trimEnd().split('\n').length, 1)
  assert.doesNotMatch(shown.trimEnd(), /\p{Cc}/u)
})

test('no log line holds a password, a token or a secret', () => {
  const facts = {
    store: 'redis://u:hunter2@host',
    password: 'hunter2',
    deep: { apiKey: 'hunter2', list: ['amqp://a:hunter2@b'] },
    err: new CaromError('CAROM_STORE_UNAVAILABLE', 'Cannot open redis://u:hunter2@host', {
      cause: new Error('redis://u:hunter2@host is gone'),
    }),
  }
  assert.doesNotMatch(line(facts, 'Lost redis://u:hunter2@host'), /hunter2/)
})

test('an error with a code is told in one line with its cause, an unexpected one with its stack', () => {
  const expected = new CaromError('CAROM_STORE_BUSY', 'The store is busy', { cause: new Error('locked') })
  assert.match(line({ err: expected }), /Something\n {2}CAROM_STORE_BUSY: The store is busy \(Error: locked\)\n$/)
  assert.match(line({ err: new TypeError('oops') }), /\n {2}TypeError: oops\n {6}at /)
})
