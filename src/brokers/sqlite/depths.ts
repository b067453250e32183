/** How many messages lie where, counted in slices: a million of them must not hold the loop. */
import { setImmediate as turn } from 'node:timers/promises'
import type { QueueDepth } from '../broker.ts'
import type { Database } from './database.ts'
import type { SqliteStore } from './store.ts'

/** Counts while others publish and claim: each message counts in a state that it had meanwhile. */
export async function countDepths(store: SqliteStore): Promise<QueueDepth[]> {
  const nowMs = Date.now()
  const depths: QueueDepth[] = []
  for (let queue = ''; ; ) {
    const next = await lookUp(store, NEXT_QUEUE, [queue, queue, queue])
    if (next === null) return depths
    queue = String(next)
    depths.push({ queue, ...(await countQueue(store, queue, nowMs)) })
  }
}

async function countQueue(store: SqliteStore, queue: string, nowMs: number): Promise<Omit<QueueDepth, 'queue'>> {
  const due = await count(store, DELAYED, [queue], { above: 0, upTo: nowMs })
  const delayed = await count(store, DELAYED, [queue], { above: nowMs, upTo: Number.MAX_SAFE_INTEGER })
  const ready = await countReady(store, queue)
  const claimed = Number(await lookUp(store, CLAIMED, [queue]))
  return { waiting: ready + due, delayed, claimed }
}

/** Rank by rank: only then the numbers within are a range of the index. */
async function countReady(store: SqliteStore, queue: string): Promise<number> {
  let sum = 0
  for (let rank = -1; ; ) {
    const next = await lookUp(store, NEXT_RANK, [queue, rank])
    if (next === null) return sum
    rank = Number(next)
    sum += await count(store, READY, [queue, rank], { above: 0, upTo: Number.MAX_SAFE_INTEGER })
  }
}

interface Range {
  /** The key of the row that lies a slice further on, if there is one. */
  readonly end: string
  readonly count: string
}

async function count(
  store: SqliteStore,
  range: Range,
  where: readonly (string | number)[],
  { above, upTo }: { readonly above: number; readonly upTo: number },
): Promise<number> {
  let sum = 0
  for (let from = above; ; ) {
    const end = await lookUp(store, range.end, [...where, from, upTo, SLICE])
    const to = end === null ? upTo : Number(end)
    sum += Number(await lookUp(store, range.count, [...where, from, to]))
    if (end === null) return sum
    from = to
    await turn()
  }
}

/** The one value of the one row, `null` where there is none. */
function lookUp(
  store: SqliteStore,
  sql: string,
  values: readonly (string | number)[],
): Promise<string | number | null> {
  const first = (database: Database) => database.all<[string | number | null]>(sql, ...values)[0]?.[0] ?? null
  return store.read(first)
}

const SLICE = 20_000

const NEXT_QUEUE = `SELECT min(queue) FROM (
  SELECT min(queue) AS queue FROM place WHERE token IS NULL AND due_ms = 0 AND queue > ?
  UNION ALL SELECT min(queue) FROM place WHERE token IS NULL AND due_ms > 0 AND queue > ?
  UNION ALL SELECT min(queue) FROM place WHERE token IS NOT NULL AND queue > ?)`
const NEXT_RANK = 'SELECT min(rank) FROM place WHERE token IS NULL AND due_ms = 0 AND queue = ? AND rank > ?'
const READY = rangeOver('seq', 'token IS NULL AND due_ms = 0 AND queue = ? AND rank = ?')
const DELAYED = rangeOver('due_ms', 'token IS NULL AND due_ms > 0 AND queue = ?')
const CLAIMED = 'SELECT count(*) FROM place WHERE token IS NOT NULL AND queue = ?'

function rangeOver(key: string, where: string): Range {
  const rows = `FROM place WHERE ${where} AND ${key} > ? AND ${key} <= ?`
  return { end: `SELECT ${key} ${rows} ORDER BY ${key} LIMIT 1 OFFSET ?`, count: `SELECT count(*) ${rows}` }
}
