import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { idleWaitMs, type Passage } from '../../bench/arrivals.ts'
import { MEASURES } from '../../bench/pool/measures/index.ts'
import { SECTIONS } from '../../bench/pool/sections.ts'
import { projectRoot } from './fixture-tree.ts'

test('every measure has rows of different names, and compares each with one of Carom', () => {
  for (const { name, rows, columns } of MEASURES) {
    assert.equal(new Set(rows.map((row) => row.name)).size, rows.length, `${name} has two rows of one name`)
    if (columns.every(({ better }) => better === null)) continue
    for (const { name: rowName, group } of rows) {
      const caroms = rows.filter((row) => row.group === group && row.library === 'carom')
      assert.equal(caroms.length, 1, `${name}: "${rowName}" has ${caroms.length} rows of Carom to be compared with`)
    }
  }
})

test('docs/benchmarks.md has a place for every table of the pool, for two versions of Node', () => {
  const text = readFileSync(join(projectRoot, 'docs/benchmarks.md'), 'utf8')
  for (const { name } of SECTIONS) {
    for (const node of [20, 24]) {
      const block = `bench:pool-${name}-node${node} -->`
      assert.ok(text.includes(`<!-- ${block}`) && text.includes(`<!-- /${block}`), `no place for ${block}`)
    }
  }
})

test('a wait counts only while fewer children than there are run something', () => {
  const run = (startedAtMs: number, endedAtMs: number): Passage => ({ submittedAtMs: 0, startedAtMs, endedAtMs })
  const waiting = { ...run(100, 110), submittedAtMs: 20 }
  // Both are busy from 30 to 60: it could have started from 20 to 30, and from 60 to 100.
  assert.equal(idleWaitMs(waiting, [run(0, 60), run(30, 70), waiting], 2), 50)
  assert.equal(idleWaitMs(waiting, [run(0, 100), run(10, 100), waiting], 2), 0)
  assert.equal(idleWaitMs(waiting, [waiting], 2), 80)
})
