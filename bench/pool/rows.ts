/**
 * The pools as most measures compare them. First as most are used: a child gets its next call when it has answered. Then
 * with as many calls in a child as were fastest for each, which suits functions that wait; workerpool and jest-worker
 * have no such mode.
 */
import { LIBRARIES, type LibraryName } from './libraries/index.ts'
import { DEFAULTS, type OpenOptions, type OpenPool } from './libraries/library.ts'
import type { Row } from './measure.ts'

export const ONE_AT_A_TIME: readonly Row[] = [
  one('Carom', 'carom', 'the defaults'),
  one('tinypool', 'tinypool', "runtime 'child_process'"),
  one('workerpool', 'workerpool', "workerType 'process'"),
  one('jest-worker', 'jest-worker', 'child processes'),
  one('poolifier', 'poolifier', 'FixedClusterPool, tasks queue with concurrency 1'),
  one('piscina (threads)', 'piscina', 'the defaults'),
]

/** Python's, whose pool Carom's is modelled on. */
export const BILLIARD: Row = one('Billiard (Python)', 'billiard', 'billiard.pool.Pool, the defaults')

export function manyAtOnce(concurrency: number): readonly Row[] {
  return [
    many('Carom', 'carom', concurrency, `concurrencyPerChild ${concurrency}`),
    many('tinypool', 'tinypool', concurrency, `concurrentTasksPerWorker ${concurrency}`),
    many(
      'poolifier',
      'poolifier',
      concurrency,
      'FixedClusterPool without tasks queue: every call goes to a child at once',
    ),
    many('piscina (threads)', 'piscina', concurrency, `concurrentTasksPerWorker ${concurrency}`),
  ]
}

/** The pools whose children are processes, one call at a time in each. */
export const PROCESSES: readonly Row[] = ONE_AT_A_TIME.filter(({ library }) => library !== 'piscina')

export function withOptions(rows: readonly Row[], options: Partial<OpenOptions>): readonly Row[] {
  return rows.map((row) => ({ ...row, options: { ...row.options, ...options } }))
}

/** @throws what the library throws: that it is not installed, for one. */
export function openRow(row: Row, options: Partial<OpenOptions> = {}): Promise<OpenPool> {
  if (row.library === 'billiard') throw new TypeError('Billiard is measured by a program of its own')
  return LIBRARIES[row.library].open({ ...DEFAULTS, ...row.options, ...options })
}

function one(name: string, library: LibraryName, settings: string): Row {
  return { name, library, options: {}, group: 'one', settings }
}

function many(name: string, library: LibraryName, concurrency: number, settings: string): Row {
  return { name: `${name}, many at once`, library, options: { concurrency }, group: 'many', settings }
}
