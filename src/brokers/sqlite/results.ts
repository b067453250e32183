/** Results in SQL. */
import type { ResultMeta, TaskState } from '../../results/meta.ts'
import type { Database } from './database.ts'

/** Stores a result, inside a transaction. A SUCCESS stays. */
export function saveResult(database: Database, meta: ResultMeta, nowMs: number): void {
  const { taskId, status, result, ...facts } = meta
  // As JSON, in which a NUL of a stack trace is escaped: text ends at the first one in some libraries.
  const insert = () => database.run(INSERT, taskId, status, nowMs, JSON.stringify(facts), result)
  // Never an update: a row that was saved anew gets a new number, by which those who wait find it.
  if (insert() === 0 && database.run(REMOVE_UNFINISHED, taskId) > 0) insert()
}

/** In the order asked. */
export function loadResults(database: Database, taskIds: readonly string[]): (ResultMeta | null)[] {
  return taskIds.map((taskId) => {
    const [row] = database.all<ResultRow>(LOAD, taskId)
    return row === undefined ? null : toMeta(taskId, row)
  })
}

export function forgetResult(database: Database, taskId: string): void {
  database.run('DELETE FROM result WHERE task_id = ?', taskId)
}

export interface SavedResult {
  readonly seq: number
  readonly taskId: string
}

/** What was saved after number `seq`, oldest first, up to {@link MAX_NEWER}. */
export function newerResults(database: Database, seq: number): SavedResult[] {
  return database.all<[number, string]>(NEWER, seq, MAX_NEWER).map(([number, taskId]) => ({ seq: number, taskId }))
}

export function lastResult(database: Database): number {
  return database.all<[number | null]>('SELECT max(seq) FROM result')[0]?.[0] ?? 0
}

/** Deletes a slice of the results that were saved before `beforeMs`, and returns how many. */
export function expireResults(database: Database, beforeMs: number): number {
  return database.run(EXPIRE, beforeMs, MAX_EXPIRED)
}

type ResultRow = readonly [status: string, facts: string, value: Uint8Array]

function toMeta(taskId: string, [status, facts, value]: ResultRow): ResultMeta {
  const { traceback, children, parentId, groupId, doneAtMs, call } = JSON.parse(facts) as Omit<ResultMeta, 'taskId'>
  return {
    taskId,
    status: status as TaskState,
    result: value,
    traceback,
    children,
    parentId,
    groupId,
    doneAtMs,
    ...(call === undefined ? {} : { call }),
  }
}

export const MAX_NEWER = 1_000
const MAX_EXPIRED = 200

const INSERT = `INSERT INTO result (task_id, status, saved_ms, facts, value) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (task_id) DO NOTHING`
const REMOVE_UNFINISHED = "DELETE FROM result WHERE task_id = ? AND status <> 'SUCCESS'"
const LOAD = 'SELECT status, facts, value FROM result WHERE task_id = ?'
const NEWER = 'SELECT seq, task_id FROM result WHERE seq > ? ORDER BY seq LIMIT ?'
// Results are saved in the order of their numbers: the oldest are the first.
const EXPIRE = `DELETE FROM result WHERE seq IN
  (SELECT seq FROM (SELECT seq, saved_ms FROM result ORDER BY seq LIMIT ?2) WHERE saved_ms < ?1)`
