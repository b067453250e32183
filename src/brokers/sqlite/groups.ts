/** Saved groups of results in SQL. */
import type { SavedGroup } from '../../results/saved-group.ts'
import type { Database } from './database.ts'

export function saveGroup(database: Database, group: SavedGroup, nowMs: number): void {
  database.run(SAVE, group.groupId, nowMs, JSON.stringify(group))
}

export function loadGroup(database: Database, groupId: string): SavedGroup | null {
  const [row] = database.all<[string]>('SELECT saved FROM result_group WHERE group_id = ?', groupId)
  return row === undefined ? null : (JSON.parse(row[0]) as SavedGroup)
}

export function forgetGroup(database: Database, groupId: string): void {
  database.run('DELETE FROM result_group WHERE group_id = ?', groupId)
}

/** Deletes a slice of the groups that were saved before `beforeMs`, and returns how many. */
export function expireGroups(database: Database, beforeMs: number): number {
  return database.run(EXPIRE, beforeMs, MAX_EXPIRED)
}

const MAX_EXPIRED = 200
const SAVE = `INSERT INTO result_group (group_id, saved_ms, saved) VALUES (?, ?, ?)
  ON CONFLICT (group_id) DO UPDATE SET saved_ms = excluded.saved_ms, saved = excluded.saved`
const EXPIRE = `DELETE FROM result_group WHERE group_id IN
  (SELECT group_id FROM result_group WHERE saved_ms < ? LIMIT ?)`
