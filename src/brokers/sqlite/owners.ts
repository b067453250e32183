/**
 * Who holds claims. A claim whose process is provably dead need not wait for its lease: on Linux a process is named by
 * its pid and start time within one boot and one pid namespace. Who cannot be judged from here is left to its lease.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { type Change, shortChange } from './change.ts'
import type { Database } from './database.ts'
import { giveBackOf } from './places.ts'

export interface Owner {
  readonly id: number
  readonly pid: number
  readonly started: string | null
  readonly boot: string | null
  readonly pidNamespace: string | null
}

/** This process, as `consumer` rows name it. Without a /proc the last three are `null`, and nobody is judged. */
export function identity(): Omit<Owner, 'id'> {
  try {
    return {
      pid: process.pid,
      started: statOf(process.pid).started,
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      pidNamespace: readlinkSync('/proc/self/ns/pid'),
    }
  } catch {
    return { pid: process.pid, started: null, boot: null, pidNamespace: null }
  }
}

/** Adds a consumer and gives its id; such ids are never used again. */
export function addOwner(node: string, nowMs: number): Change<number> {
  const { pid, started, boot, pidNamespace } = identity()
  return shortChange((database) => {
    const [row] = database.all<[number]>(ADD, node, pid, nowMs, started, boot, pidNamespace)
    return (row as [number])[0]
  })
}

/** Gives back every claim of these owners and forgets them. */
export function removeOwners(ids: readonly number[]): Change<number> {
  const remove = (database: Database) => {
    const givenBack = ids.map((id) => giveBackOf(database, id))
    for (const id of ids) database.run('DELETE FROM consumer WHERE id = ?', id)
    return givenBack.reduce((sum, count) => sum + count, 0)
  }
  return shortChange(remove, { rows: MOST_CLAIMS, wakes: (givenBack) => givenBack > 0 })
}

/** Ids of the consumers whose process is known to be dead. */
export function deadOwners(database: Database): number[] {
  const self = identity()
  if (self.boot === null) return []
  const rows = database.all<[number, number, string | null]>(
    'SELECT id, pid, started FROM consumer WHERE boot = ? AND pid_namespace = ? LIMIT ?',
    self.boot,
    self.pidNamespace,
    MOST_OWNERS,
  )
  return rows.filter(([, pid, started]) => isDead(pid, started)).map(([id]) => id)
}

/** Only what is certain counts: a /proc that hides other users' processes proves nothing. */
function isDead(pid: number, started: string | null): boolean {
  try {
    const stat = statOf(pid)
    return stat.state === 'Z' || stat.state === 'X' || stat.started !== started
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return (code === 'ENOENT' || code === 'ESRCH') && !exists(pid)
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** The program's name, second in the line, may hold blanks and brackets: count from the last one. */
function statOf(pid: number): { state: string; started: string } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', started: fields[19] ?? '' }
}

// Of a crowd of consumers only so many are looked at each time; the dead leave the table and make room.
const MOST_OWNERS = 200
const MOST_CLAIMS = 100
const ADD = `INSERT INTO consumer (node, pid, seen_ms, started, boot, pid_namespace)
  VALUES (?, ?, ?, ?, ?, ?) RETURNING id`
