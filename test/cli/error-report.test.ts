import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reportError } from '../../src/cli/error-report.ts'
import { CommandEnd, EXIT, EXIT_MEANINGS, exitCodeOf } from '../../src/cli/exit-codes.ts'
import { CAROM_ERROR_CODES, CaromError } from '../../src/errors.ts'
import { RemoteError } from '../../src/pool/index.ts'

const QUIET = { json: false, debug: false }
const text = (error: unknown, options = QUIET): string => reportError(error, options).text

test('the exit codes are a closed table, each explained', () => {
  assert.deepEqual(EXIT, { ok: 0, failed: 1, usage: 2, late: 3, store: 4, app: 5, unexpected: 70 })
  assert.deepEqual(Object.keys(EXIT_MEANINGS), Object.keys(EXIT))
})

test('every error code has an exit code, and what is no error of ours is unexpected', () => {
  for (const code of CAROM_ERROR_CODES) {
    assert.ok(Object.values(EXIT).includes(exitCodeOf(new CaromError(code, 'x'))), code)
  }
  const some: [ConstructorParameters<typeof CaromError>[0], number][] = [
    ['CAROM_TASK_FAILED', 1],
    ['CAROM_USAGE', 2],
    ['CAROM_RESULT_TIMEOUT', 3],
    ['CAROM_STORE_GONE', 4],
    ['CAROM_EMBEDDED_REFUSED', 4],
    ['CAROM_APP_MISSING', 5],
    ['CAROM_CHILD_START', 5],
  ]
  for (const [code, exitCode] of some) assert.equal(exitCodeOf(new CaromError(code, 'x')), exitCode, code)
  for (const thrown of [new TypeError('x'), null, 'text', undefined]) assert.equal(exitCodeOf(thrown), 70)
  assert.equal(exitCodeOf(new CommandEnd(EXIT.failed, new CaromError('CAROM_KWARGS_REFUSED', 'x'))), 1)
})

test('an expected error is one line with its code, its causes below, without stacks', () => {
  const cause = new Error('disk on fire', { cause: new Error('heat') })
  const shown = text(new CaromError('CAROM_STORE_FULL', 'The store is full', { cause }))
  assert.equal(shown, 'carom: The store is full (CAROM_STORE_FULL)\n  cause: Error: disk on fire\n  cause: Error: heat')
})

test('an expected error shows its stacks when debugging', () => {
  const shown = text(new CaromError('CAROM_STORE_FULL', 'Full', { cause: new Error('c') }), {
    json: false,
    debug: true,
  })
  assert.equal(shown.match(/error-report\.test/g)?.length, 2)
})

test('an unexpected error shows its stack, whatever was thrown', () => {
  assert.match(
    text(new TypeError('oops')),
    /^carom: An error nobody expected: TypeError: oops\n {2}TypeError: oops\n {6}at /,
  )
  assert.match(text(null), /^carom: An error nobody expected: .*null was thrown/)
  const evil = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no')
    },
  })
  assert.equal(reportError(evil, QUIET).exitCode, 70)
})

test('an app that fails to load shows the stack of the user, as from this process so from a child', () => {
  const own = new RangeError('my bug')
  own.stack = 'RangeError: my bug\n    at /srv/tasks.js:3:9'
  const load = new CaromError('CAROM_APP_LOAD_FAILED', 'The app failed while loading', { cause: own })
  const here = text(load)
  assert.equal(
    here,
    'carom: The app failed while loading (CAROM_APP_LOAD_FAILED)\n  cause: RangeError: my bug\n      at /srv/tasks.js:3:9',
  )
  const failure = {
    ...{ name: 'CaromError', message: 'The app failed while loading', code: 'CAROM_APP_LOAD_FAILED', facts: {} },
    stack: 'ours',
    cause: { name: 'RangeError', message: 'my bug', code: null, facts: {}, stack: own.stack, cause: null },
  }
  const start = new CaromError('CAROM_CHILD_START', 'No child', { cause: new RemoteError(failure) })
  assert.equal(text(start), here)
  assert.equal(reportError(start, QUIET).exitCode, 5)
})

test('with --json an error is one line of JSON with its exit code', () => {
  const error = new CaromError('CAROM_ARGUMENTS_INVALID', 'Not\nvalid', { task: 'a', cause: new Error('c') })
  const { text: shown, exitCode } = reportError(error, { json: true, debug: false })
  assert.equal(exitCode, 2)
  assert.equal(shown.includes('\n'), false)
  const { error: told } = JSON.parse(shown)
  assert.deepEqual(told, {
    exitCode: 2,
    code: 'CAROM_ARGUMENTS_INVALID',
    name: 'CaromError',
    message: 'Not\nvalid',
    facts: { task: 'a' },
    cause: { code: null, name: 'Error', message: 'c', facts: {}, cause: null },
  })
})

test('an error never shows a password or moves the cursor', () => {
  const error = new CaromError('CAROM_STORE_GONE', 'Lost redis://u:hunter2@h \x1b[2J', {
    cause: new Error('redis://:hunter2@h\n\x1b]0;x\x07'),
  })
  for (const options of [QUIET, { json: true, debug: true }, { json: false, debug: true }]) {
    const shown = text(error, options)
    assert.doesNotMatch(shown, /hunter2/)
    assert.doesNotMatch(shown.replaceAll('\n', ''), /\p{Cc}/u)
  }
})
