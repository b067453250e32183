import assert from 'node:assert/strict'
import test from 'node:test'
import { violationsOf } from './fixture-tree.ts'

test('check-words finds the type any, and only the type', async (t) => {
  const lines = [
    'let a: any',
    'const b = c as any[]',
    'type D = Map<string, any>',
    'await Promise.any(list) // any of them',
    "const e = { any: 1, text: 'any' }",
    'interface F { any?: string }',
  ]
  assert.deepEqual(await violationsOf(t, 'words', { 'src/a.ts': lines.join('\n') }), [
    'src/a.ts:1 the type any',
    'src/a.ts:2 the type any',
    'src/a.ts:3 the type any',
  ])
})

test('check-words finds notes to oneself in comments', async (t) => {
  const files = { 'src/a.ts': '/* a\n TODO b */\nconst TODO = "FIXME"', 'scripts/a.mjs': '// FIXME' }
  assert.deepEqual(await violationsOf(t, 'words', files), [
    'src/a.ts:2 a note to oneself: TODO',
    'scripts/a.mjs:1 a note to oneself: FIXME',
  ])
})

test('check-words finds focused tests, and skipped ones without a reason', async (t) => {
  const lines = [
    "test.only('a', () => {})",
    "test('b', { only: true }, () => {})",
    "test.skip('c', () => {})",
    "test('d', { skip: true }, () => {})",
    "test('e', (t) => t.skip())",
    "test('f', { skip: 'no tmpfs here' }, (t) => t.skip('nor here'))",
    'const skip = true',
  ]
  const focused = 'a focused test hides all others'
  const skipped = 'a skipped test that does not say why'
  assert.deepEqual(await violationsOf(t, 'words', { 'test/a.test.ts': lines.join('\n') }), [
    `test/a.test.ts:1 ${focused}`,
    `test/a.test.ts:2 ${focused}`,
    `test/a.test.ts:3 ${skipped}`,
    `test/a.test.ts:4 ${skipped}`,
    `test/a.test.ts:5 ${skipped}`,
  ])
})

test('check-words finds sleeps in tests, but not in fixtures and the polling of until()', async (t) => {
  const sleep = "import { setTimeout as pause } from 'node:timers/promises'\nawait pause(100)"
  const found = await violationsOf(t, 'words', {
    'src/a.ts': sleep,
    'test/support/wait.ts': sleep,
    'test/pool/fixtures/slow.ts': sleep,
    'test/a.test.ts': sleep,
    'test/b.test.ts': 'await new Promise((resolve) => setTimeout(resolve, 100))',
    'test/c.test.ts': 'Atomics.wait(cell, 0, 0, 100)',
    'test/d.test.ts': "const timer = setTimeout(() => reject(new Error('late')), 100)",
  })
  const problem = 'a test that sleeps is slow on a fast machine and wrong on a slow one'
  assert.deepEqual(
    found,
    ['a', 'b', 'c'].map((name) => `test/${name}.test.ts:1 ${problem}`),
  )
})

test('check-words finds names that say nothing', async (t) => {
  const found = await violationsOf(t, 'words', {
    'src/utils/a.ts': '',
    'src/pool/job-helpers.ts': '',
    'test/pool/base.test.ts': '',
  })
  assert.deepEqual(found, [
    'src/pool/job-helpers.ts:1 the file name "job-helpers.ts" says nothing',
    'src/utils/a.ts:1 the folder name "utils" says nothing',
  ])
})
