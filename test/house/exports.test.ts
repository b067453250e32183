import assert from 'node:assert/strict'
import test from 'node:test'
import { type Tree, violationsOf } from './fixture-tree.ts'

const MANIFEST = JSON.stringify({
  bin: { carom: 'dist/cli/main.js' },
  exports: {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './package.json': './package.json',
  },
})

function check(t: test.TestContext, files: Tree): Promise<string[]> {
  const program = { 'src/cli/main.ts': '#!/usr/bin/env node\n' }
  return violationsOf(t, 'exports', { 'package.json': MANIFEST, ...program, ...files })
}

test('check-exports follows every public name to a docstring', async (t) => {
  const found = await check(t, {
    'src/index.ts':
      "import { c } from './a.ts'\nexport { a, type B as Bee } from './a.ts'\nexport { c }\nexport type { D } from './d.ts'",
    'src/a.ts':
      '/** Gives one. */\nexport const a = 1\n\n/** Two. */\n// Why it is here.\nexport interface B {}\n/** C. */\nconst c = 1\nexport { c }',
    'src/d.ts': "export type { E as D } from './e.ts'",
    'src/e.ts': '/** E. */\nexport type E = string',
  })
  assert.deepEqual(found, [])
})

test('check-exports finds public names without a docstring, at their definition', async (t) => {
  const found = await check(t, {
    'src/index.ts': "export { a, B, a as again } from './a.ts'\nexport function f() {}\nexport async function* g() {}",
    'src/a.ts':
      '/** The file. */\n\nexport const a = 1\n/** Of c. */\nconst c = 1\nexport abstract class B extends A {}',
  })
  assert.deepEqual(found, [
    'src/a.ts:3 the public "a" has no docstring',
    'src/a.ts:6 the public "B" has no docstring',
    'src/index.ts:2 the public "f" has no docstring',
    'src/index.ts:3 the public "g" has no docstring',
  ])
})

test('check-exports finds lists that are not explicit and names that lead nowhere', async (t) => {
  const found = await check(t, {
    'src/index.ts': "export * from './a.ts'\nexport * as all from './a.ts'\nexport { gone } from './a.ts'",
    'src/a.ts': '',
  })
  assert.deepEqual(found, [
    'src/index.ts:1 exports everything of another file',
    'src/index.ts:2 exports everything of another file',
    'src/index.ts:3 cannot find "gone" in src/a.ts',
  ])
})

test('check-exports finds entries of package.json without a source and programs without a hashbang', async (t) => {
  assert.deepEqual(await check(t, { 'src/cli/main.ts': 'start()\n' }), [
    'package.json:1 "." leads to ./dist/index.d.ts, but there is no src/index.ts',
    'package.json:1 "." leads to ./dist/index.js, but there is no src/index.ts',
    'src/cli/main.ts:1 a program without a hashbang',
  ])
})
