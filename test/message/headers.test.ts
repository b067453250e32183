import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import { checkTaskHeaders, isTaskName } from '../../src/message/headers.ts'

test('checkTaskHeaders() needs a task and an id, and takes null for everything else', () => {
  assert.doesNotThrow(() => checkTaskHeaders({ task: 'a', id: '1' }))
  const nulls = Object.fromEntries(KNOWN.map((name) => [name, null]))
  assert.doesNotThrow(() =>
    checkTaskHeaders({ ...nulls, task: 'any name / at all ünïcode', id: '1', 'x-mine': { a: [1] } }),
  )
})

test('checkTaskHeaders() names the header that is wrong', () => {
  const cases: [string, unknown[]][] = [
    ['task', [undefined, null, '', 5, [], 'x'.repeat(1025)]],
    ['id', [undefined, null, '', 5, {}, 'x'.repeat(1025)]],
    ['eta', ['tomorrow', 5, new Date(0)]],
    ['expires', ['', 1735689600, 60]],
    ['retries', ['1', 1.5, Number.NaN, 2n ** 70n]],
    ['timelimit', [5, [1], [1, 2, 3], ['1', null], [-1, null], [Number.NaN, 1]]],
    ['root_id', [5]],
    ['parent_id', [{}]],
    ['group', [[]]],
    ['group_index', ['0']],
    ['shadow', [1]],
    ['origin', [1]],
    ['lang', [1]],
    ['ignore_result', ['false', 0]],
    ['compression', [true]],
  ]
  assert.deepEqual(new Set(cases.map(([name]) => name)), new Set(KNOWN))
  for (const [name, values] of cases) {
    for (const value of values) {
      assert.throws(
        () => checkTaskHeaders({ task: 'shop.add', id: 'id-1', [name]: value }),
        (error) => isCaromError(error, 'CAROM_MESSAGE_INVALID') && error.field === `headers.${name}`,
        `${name}: ${String(value)}`,
      )
    }
  }
})

test('an error about a message names it, and never with raw control characters or at length', () => {
  assert.throws(
    () => checkTaskHeaders({ task: 'a\r\nb\u0000', id: 'x'.repeat(500), eta: 5 }),
    (error) => {
      assert.ok(isCaromError(error))
      assert.match(
        error.message,
        /^Message "x{80}…" of task "a\\r\\nb\\u0000" cannot be used: headers\.eta is a number, expected an ISO 8601 date/,
      )
      assert.deepEqual([String(error.taskId).length, error.task], [255, 'a\r\nb\u0000'])
      return true
    },
  )
})

test('isTaskName() takes what a registry can show in a log', () => {
  for (const name of ['a', 'shop.add', 'shop:add-1', 'constructor', 'x'.repeat(255)]) assert.ok(isTaskName(name), name)
  for (const name of ['', '../../x', 'a b', 'a\n', '\u0000', 'é', '😀', 'x'.repeat(256), 5, null]) {
    assert.ok(!isTaskName(name), String(name))
  }
})

const KNOWN =
  'task id eta expires retries timelimit root_id parent_id group group_index shadow origin lang ignore_result compression'.split(
    ' ',
  )
