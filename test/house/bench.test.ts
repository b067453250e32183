import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { idleWaitMs, type Passage } from '../../bench/arrivals.ts'
import type { Contender, Field, Measure } from '../../bench/measure.ts'
import { POOLS } from '../../bench/pool/field.ts'
import { MEASURES as POOL_MEASURES } from '../../bench/pool/measures/index.ts'
import { SECTIONS as POOL_SECTIONS } from '../../bench/pool/sections.ts'
import { QUEUES } from '../../bench/queue/field.ts'
import { MEASURES as QUEUE_MEASURES } from '../../bench/queue/measures/index.ts'
import { SECTIONS as QUEUE_SECTIONS } from '../../bench/queue/sections.ts'
import { projectRoot } from './fixture-tree.ts'

test('every measure has rows of different names, and compares each with one of Carom', () => {
  checkRows(POOLS, POOL_MEASURES)
  checkRows(QUEUES, QUEUE_MEASURES)
})

function checkRows<Row extends Contender>(field: Field<Row>, measures: readonly Measure<Row>[]): void {
  for (const { name, rows, columns } of measures) {
    assert.equal(new Set(rows.map((row) => row.name)).size, rows.length, `${name} has two rows of one name`)
    if (columns.every(({ better }) => better === null)) continue
    for (const { name: rowName, group } of rows) {
      const caroms = rows.filter((row) => row.group === group && field.isReference(row))
      assert.equal(caroms.length, 1, `${name}: "${rowName}" has ${caroms.length} rows of Carom to be compared with`)
    }
  }
}

test('docs/benchmarks.md has a place for every table of the pool and the queue, for two versions of Node', () => {
  const text = readFileSync(join(projectRoot, 'docs/benchmarks.md'), 'utf8')
  const places = [
    ...POOL_SECTIONS.map(({ name }) => `pool-${name}`),
    ...QUEUE_SECTIONS.map(({ name }) => `queue-${name}`),
  ]
  for (const place of places) {
    for (const node of [20, 24]) {
      const block = `bench:${place}-node${node} -->`
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
