import assert from 'node:assert/strict'
import test from 'node:test'
import { violationsOf } from './fixture-tree.ts'

test('check-size warns early and fails late, per folder', async (t) => {
  const found = await violationsOf(t, 'size', {
    'src/a.ts': 'x\n'.repeat(200),
    'src/b.ts': 'x\n'.repeat(201),
    'src/pool/c.ts': 'x\n'.repeat(301),
    'test/a.test.ts': 'x\n'.repeat(400),
    'test/b.test.ts': 'x\n'.repeat(401),
    'scripts/a.mjs': 'x\n'.repeat(151),
  })
  assert.deepEqual(found, [
    'src/b.ts:1 (warning) 201 lines; the limit is 300',
    'src/pool/c.ts:1 301 lines; the limit is 300',
    'test/b.test.ts:1 401 lines; the limit is 400',
    'scripts/a.mjs:1 151 lines; the limit is 150',
  ])
})

test('check-size is quiet about folders that do not exist', async (t) => {
  assert.deepEqual(await violationsOf(t, 'size', {}), [])
})
