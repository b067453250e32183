/** Tables that list all there is of something: held against the types, which the compiler knows, and the code. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type DeathCertificate,
  type KilledBy,
  type MapOptions,
  Pool,
  type PoolEvents,
  type PoolOptions,
} from '../../src/pool/index.ts'
import { checkOptions } from '../../src/pool/job-options.ts'
import { fillPoolOptions } from '../../src/pool/options.ts'
import type { Outcome } from '../../src/pool/parent/state.ts'
import { ROOT } from './project.ts'

const GUIDE = 'docs/guide/pool.md'
const DEATHS = 'docs/operations/limits-and-deaths.md'
const MODULE = { module: '/nowhere.js' }

test('The guide lists every option of a pool, and no other', () => {
  const told = rowsOf(GUIDE, 'pool options').map(([name]) => name)
  assert.throws(() => new Pool({ ...MODULE, nonsense: 1 } as PoolOptions), {
    message: `Unknown pool option "nonsense"; known are: ${told.join(', ')}`,
  })
})

test('The guide gives every default that is a number or a word as it is', () => {
  const filled = fillPoolOptions(MODULE) as unknown as Record<string, unknown>
  for (const [name = '', , told = ''] of rowsOf(GUIDE, 'pool options')) {
    if (/^\d+$|^[a-z]+$/.test(told) && name in filled && told !== 'none') {
      assert.equal(String(filled[name]), told, `the default of ${name}`)
    }
  }
  const unlimited = rowsOf(GUIDE, 'pool options').filter(([name]) =>
    /^max(Tasks|Memory)|Limit(Ms|Bytes)$/.test(name ?? ''),
  )
  assert.deepEqual(
    unlimited.map(([, , told]) => told),
    new Array(5).fill('none'),
  )
  assert.deepEqual(Object.values(fillPoolOptions(MODULE).limits), [0, 0, 0])
})

test('The guide lists every option of a call, and no other', () => {
  const told = rowsOf(GUIDE, 'job options').map(([name]) => name)
  assert.throws(() => checkOptions({ nonsense: 1 } as MapOptions, true), {
    message: `Unknown option "nonsense" of a call; known are: ${told.join(', ')}`,
  })
})

test('The guide lists every event and every outcome', () => {
  const events = { accepted: true, timeout: true, settled: true, childUp: true, childDown: true } satisfies Record<
    keyof PoolEvents,
    true
  >
  const rows = rowsOf(GUIDE, 'pool events')
  assert.deepEqual(
    rows.map(([name]) => name),
    Object.keys(events),
  )
  const outcomes = {
    succeeded: true,
    failed: true,
    lost: true,
    interrupted: true,
    timedOut: true,
    overMemory: true,
    terminated: true,
    cancelled: true,
    unstarted: true,
  } satisfies Record<Outcome['type'], true>
  const [, , when = ''] = rows.find(([name]) => name === 'settled') ?? []
  assert.deepEqual(wordsIn(when), Object.keys(outcomes))
})

test('Every way to die has its line, and there is no other', () => {
  const ways = {
    'uncaught-error': true,
    itself: true,
    'heap-limit': true,
    'oom-killer': true,
    signal: true,
    'time-limit': true,
    'memory-limit': true,
    terminated: true,
    neighbour: true,
    unheard: true,
    'bad-frame': true,
    pool: true,
    unstarted: true,
  } satisfies Record<KilledBy, true>
  assert.deepEqual(
    rowsOf(DEATHS, 'killedBy').map(([name]) => name),
    Object.keys(ways),
  )
})

test('Every field of a death certificate has its line', () => {
  const fields = {
    killedBy: true,
    pid: true,
    exitCode: true,
    signal: true,
    phase: true,
    failure: true,
    stderrTail: true,
    livedMs: true,
    cpuMs: true,
    ranMs: true,
    memoryBytes: true,
  } satisfies Record<keyof DeathCertificate, true>
  assert.deepEqual(
    rowsOf(DEATHS, 'certificate').map(([name]) => name),
    Object.keys(fields),
  )
})

test('Every file that the pages for developers name is there, and so is every function of it that they name', () => {
  const text = readFileSync(join(ROOT, 'docs/internals/pool.md'), 'utf8')
  const files = Array.from(text.matchAll(/`((?:src|test)\/[\w./-]+)`/g), ([, file]) => file as string)
  assert.ok(files.length > 20)
  assert.deepEqual(
    files.filter((file) => !existsSync(join(ROOT, file))),
    [],
  )
  const named = Array.from(text.matchAll(/((?:`#?\w+`(?:, | and )?)+) in `(test\/[\w./-]+)`/g))
  assert.ok(named.length > 5)
  for (const [, names = '', file = ''] of named) {
    const code = readFileSync(join(ROOT, file), 'utf8')
    for (const [, name] of names.matchAll(/`(#?\w+)`/g)) assert.ok(code.includes(`${name}(`), `${file} has no ${name}`)
  }
})

/** The rows of the table between `<!-- NAME -->` and `<!-- /NAME -->`, without its head; a cell of code without its ticks. */
function rowsOf(file: string, name: string): string[][] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const [, table] = text.split(new RegExp(`<!-- /?${name} -->\\n`))
  assert.ok(table !== undefined, `${file} has no table "${name}"`)
  const lines = table.trim().split('\n').slice(2)
  return lines.map((line) => {
    const cells = line.slice(1, -1).split('|')
    return cells.map((cell) => /^ `([^`]*)` $/.exec(cell)?.[1] ?? cell.trim())
  })
}

function wordsIn(text: string): string[] {
  return Array.from(text.matchAll(/`(\w+)`/g), ([, word]) => word as string)
}
