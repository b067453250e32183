/** Chords in SQL. Every function runs inside a transaction. */
import { type ChordPart, type ChordReport, type ChordSize, replacesPart } from '../../results/chord.ts'
import type { ReadyState } from '../../results/meta.ts'
import type { Database } from './database.ts'

export function openChord(database: Database, { groupId, size }: ChordSize, nowMs: number): void {
  database.run(OPEN, groupId, size, nowMs)
}

/** All parts in order if this one makes them complete, else `null`. */
export function joinChord(database: Database, report: ChordReport, nowMs: number): ChordPart[] | null {
  const { groupId, part, index } = report
  const [known] = database.all<[ReadyState]>(PART, groupId, part.taskId)
  if (known === undefined || replacesPart(known[0], part.status)) {
    database.run(REMOVE_PART, groupId, part.taskId)
    database.run(ADD_PART, groupId, part.taskId, index, part.status, nowMs, part.result)
  }
  const [opened] = database.all<[number]>('SELECT size FROM chord WHERE group_id = ?', groupId)
  const [count = 0] = database.all<[number]>('SELECT count(*) FROM chord_part WHERE group_id = ?', groupId)[0] ?? []
  if (count !== (opened?.[0] ?? report.size)) return null
  const rows = database.all<[string, ReadyState, Uint8Array]>(PARTS, groupId)
  return rows.map(([taskId, status, result]) => ({ taskId, status, result }))
}

export function closeChord(database: Database, groupId: string): void {
  database.run('DELETE FROM chord WHERE group_id = ?', groupId)
  database.run('DELETE FROM chord_part WHERE group_id = ?', groupId)
}

/** Deletes a slice of what was said of chords before `beforeMs`, and returns how much. */
export function expireChords(database: Database, beforeMs: number): number {
  return database.run(EXPIRE, beforeMs, MAX_EXPIRED) + database.run(EXPIRE_PARTS, beforeMs, MAX_EXPIRED)
}

const MAX_EXPIRED = 200
const OPEN = `INSERT INTO chord (group_id, size, saved_ms) VALUES (?, ?, ?)
  ON CONFLICT (group_id) DO UPDATE SET size = excluded.size, saved_ms = excluded.saved_ms`
const PART = 'SELECT status FROM chord_part WHERE group_id = ? AND task_id = ?'
const REMOVE_PART = 'DELETE FROM chord_part WHERE group_id = ? AND task_id = ?'
const ADD_PART = `INSERT INTO chord_part (group_id, task_id, position, status, saved_ms, result)
  VALUES (?, ?, ?, ?, ?, ?)`
const PARTS = `SELECT task_id, status, result FROM chord_part WHERE group_id = ?
  ORDER BY position IS NULL, position, seq`
const EXPIRE = 'DELETE FROM chord WHERE group_id IN (SELECT group_id FROM chord WHERE saved_ms < ? LIMIT ?)'
const EXPIRE_PARTS = 'DELETE FROM chord_part WHERE seq IN (SELECT seq FROM chord_part WHERE saved_ms < ? LIMIT ?)'
