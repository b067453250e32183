import assert from 'node:assert/strict'
import test from 'node:test'
import { type Tree, violationsOf } from './fixture-tree.ts'

const ERRORS = `export const CAROM_ERROR_CODES = [
  'CAROM_A',
  'CAROM_B',
] as const
export class BError extends CaromError {
  constructor(message: string) {
    super('CAROM_B', message)
  }
}
`
const USES = "throw new CaromError('CAROM_A', text)\nreject(new BError(text))\n"

function check(t: test.TestContext, files: Tree): Promise<string[]> {
  return violationsOf(t, 'errors', { 'src/errors.ts': ERRORS, 'src/a.ts': USES, ...files })
}

test('check-errors is content when codes, uses and reference agree', async (t) => {
  const reference =
    '# Errors\n## `CAROM_A`\nSee CAROM_BROKER_URL.\n\n| code | meaning |\n| - | - |\n| `CAROM_B` | b |\n'
  assert.deepEqual(await check(t, { 'docs/reference/errors.md': reference }), [])
})

test('check-errors is quiet about the reference while there are no docs', async (t) => {
  assert.deepEqual(await check(t, {}), [])
})

test('check-errors finds codes that the reference lacks or made up', async (t) => {
  const found = await check(t, { 'docs/reference/errors.md': '# Errors\n### CAROM_A\n### CAROM_GHOST\n' })
  assert.deepEqual(found, [
    'src/errors.ts:3 CAROM_B is not explained in docs/reference/errors.md',
    'docs/reference/errors.md:3 CAROM_GHOST is no code',
  ])
  assert.deepEqual(await check(t, { 'docs/guide/tasks.md': '' }), ['docs/reference/errors.md:1 is missing'])
})

test('check-errors finds codes that nothing uses: a comment or an export is no use', async (t) => {
  const found = await check(t, { 'src/a.ts': "// throws 'CAROM_A'\nexport { BError } from './errors.ts'" })
  assert.deepEqual(found, ['src/errors.ts:2 no code uses CAROM_A', 'src/errors.ts:3 no code uses CAROM_B'])
})

test('check-errors finds a plain Error being thrown', async (t) => {
  const found = await check(t, {
    'src/b.ts': "if (a) throw new Error('no')\n// throw new Error()\nthrow new TypeError('x')",
  })
  assert.deepEqual(found, ['src/b.ts:1 throws a plain Error'])
})
