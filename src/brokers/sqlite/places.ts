/** The life of a message in SQL: placed, claimed, given back, ended. Every function runs inside a transaction. */
import type { DeliveryCounts, DeliveryEnd } from '../broker.ts'
import { dueAfter, type PlacedMessage, type StoredMessage, taskIdOf } from '../stored-message.ts'
import type { Database } from './database.ts'

export function place(database: Database, message: PlacedMessage): void {
  database.run(
    'INSERT INTO message (headers, properties, content_type, content_encoding, body) VALUES (?, ?, ?, ?, ?)',
    message.headers,
    message.properties,
    message.contentType,
    message.contentEncoding,
    message.body,
  )
  database.run(
    'INSERT INTO place (seq, queue, rank, due_ms) VALUES (last_insert_rowid(), ?, ?, ?)',
    message.queue,
    message.rank,
    message.dueMs,
  )
}

/** What a look at the queues tells, without the write lock. */
export interface Outlook {
  /** Something can be claimed once those who are due, or whose lease is over, are back in their queue. */
  readonly claimable: boolean
  /** When that may become true by itself; `null` if no time is known. */
  readonly nextMs: number | null
}

export function lookAhead(database: Database, queues: readonly string[], nowMs: number): Outlook {
  let nextMs = leaseEndMs(database)
  for (const queue of queues) {
    if (database.all(ANY_READY, queue).length > 0) return { claimable: true, nextMs: null }
    const [dueMs = null] = database.all<[number | null]>(NEXT_DUE, queue)[0] ?? []
    if (dueMs !== null && (nextMs === null || dueMs < nextMs)) nextMs = dueMs
  }
  return { claimable: nextMs !== null && nextMs <= nowMs, nextMs }
}

/** Moves what has become due into its queue, a slice at a time, and returns how many. */
export function promote(database: Database, queues: readonly string[], nowMs: number): number {
  return queues.reduce((sum, queue) => sum + database.run(PROMOTE, queue, nowMs, MAX_PROMOTED), 0)
}

/** Gives back the claims whose lease is over, and returns how many. */
export function giveBackExpired(database: Database, nowMs: number): number {
  return database.run(`${GIVE_BACK} AND lease_until_ms <= ?`, nowMs)
}

export function giveBackOf(database: Database, owner: number): number {
  return database.run(`${GIVE_BACK} AND owner = ?`, owner)
}

/** Starts every lease anew: the clock by which they were to end was set. */
export function restartLeases(database: Database, nowMs: number): void {
  database.run('UPDATE place SET lease_until_ms = ? + lease_ms WHERE token IS NOT NULL', nowMs)
}

export interface ClaimOptions {
  readonly queues: readonly string[]
  readonly max: number
  readonly token: string
  readonly owner: number
  readonly leaseMs: number
  readonly nowMs: number
}

export interface ClaimedMessage extends StoredMessage {
  readonly seq: number
  readonly queue: string
  readonly counts: DeliveryCounts
}

/** Claims in the common order of the queues; less than `max` where the bodies are large, but at least one. */
export function claim(database: Database, options: ClaimOptions): ClaimedMessage[] {
  const { queues, max, token, owner, leaseMs, nowMs } = options
  const heads = queues.flatMap((queue) => database.all<Head>(READY, queue, max))
  if (queues.length > 1) heads.sort(([a, aRank], [b, bRank]) => aRank - bRank || a - b)
  const seqs = JSON.stringify(withinSize(heads.slice(0, max)))
  database.run(CLAIM, token, owner, leaseMs, nowMs + leaseMs, seqs)
  return database.all<ClaimedRow>(CLAIMED, seqs).map(toClaimed)
}

/** Starts a lease anew; false when the claim is lost. */
export function renew(database: Database, seq: number, token: string, nowMs: number): boolean {
  return (
    database.run('UPDATE place SET lease_until_ms = ? + lease_ms WHERE seq = ? AND token = ?', nowMs, seq, token) > 0
  )
}

/** Ends a claim; false, and nothing has happened, when it is lost. */
export function end(database: Database, seq: number, token: string, how: DeliveryEnd, nowMs: number): boolean {
  switch (how.type) {
    case 'ack':
      return database.run(REMOVE, seq, token) > 0
    case 'release': {
      const crashes = how.count === 'crash' ? 1 : 0
      const foreign = how.count === 'foreign' ? 1 : 0
      const uncounted = how.count === 'none' ? 1 : 0
      return database.run(RELEASE, dueAfter(how.delayMs, nowMs), uncounted, crashes, foreign, seq, token) > 0
    }
    case 'quarantine':
      return setAside(database, { seq, token }, how, nowMs)
  }
}

function setAside(
  database: Database,
  { seq, token }: { readonly seq: number; readonly token: string },
  { reason, count }: Extract<DeliveryEnd, { readonly type: 'quarantine' }>,
  nowMs: number,
): boolean {
  const [found] = database.all<[string]>(HEADERS, seq, token)
  if (found === undefined) return false
  // Text ends at its first NUL where a library hands it on as C does.
  const [crashes, foreign] = [count === 'crash' ? 1 : 0, count === 'foreign' ? 1 : 0]
  database.run(QUARANTINE, taskIdOf(found[0]), reason.replaceAll('\0', ' '), nowMs, crashes, foreign, seq)
  return database.run(REMOVE, seq, token) > 0
}

type Head = readonly [seq: number, rank: number, bodyBytes: number]
type ClaimedRow = readonly [number, string, number, number, number, string, string, string, string, Uint8Array]

function withinSize(heads: readonly Head[]): number[] {
  const fitting: number[] = []
  let bytes = 0
  for (const [seq, , bodyBytes] of heads) {
    bytes += bodyBytes
    if (fitting.length > 0 && bytes > MAX_CLAIM_BYTES) break
    fitting.push(seq)
  }
  return fitting
}

function toClaimed(row: ClaimedRow): ClaimedMessage {
  const [seq, queue, deliveries, crashes, foreign, headers, properties, contentType, contentEncoding, body] = row
  return {
    seq,
    queue,
    counts: { deliveries, crashes, foreign },
    headers,
    properties,
    contentType,
    contentEncoding,
    body,
  }
}

function leaseEndMs(database: Database): number | null {
  return database.all<[number | null]>(LEASE_END)[0]?.[0] ?? null
}

const MAX_PROMOTED = 500
const MAX_CLAIM_BYTES = 8 * 1024 * 1024

// A row's length is in its head: the pages of a long body are not read for it.
const READY = `SELECT p.seq, p.rank, length(m.body) FROM place p JOIN message m ON m.seq = p.seq
  WHERE p.queue = ? AND p.token IS NULL AND p.due_ms = 0 ORDER BY p.rank, p.seq LIMIT ?`
const ANY_READY = 'SELECT 1 FROM place WHERE queue = ? AND token IS NULL AND due_ms = 0 LIMIT 1'
const NEXT_DUE = 'SELECT min(due_ms) FROM place WHERE queue = ? AND token IS NULL AND due_ms > 0'
const LEASE_END = 'SELECT min(lease_until_ms) FROM place WHERE token IS NOT NULL'
const PROMOTE = `UPDATE place SET due_ms = 0 WHERE seq IN (SELECT seq FROM place
  WHERE queue = ? AND token IS NULL AND due_ms > 0 AND due_ms <= ? ORDER BY due_ms LIMIT ?)`
const GIVE_BACK = `UPDATE place SET token = NULL, owner = NULL, lease_ms = NULL, lease_until_ms = NULL, due_ms = 0
  WHERE token IS NOT NULL`
const CLAIM = `UPDATE place SET token = ?, owner = ?, lease_ms = ?, lease_until_ms = ?, deliveries = deliveries + 1
  WHERE seq IN (SELECT value FROM json_each(?))`
const CLAIMED = `SELECT p.seq, p.queue, p.deliveries, p.crashes, p.foreigns,
    m.headers, m.properties, m.content_type, m.content_encoding, m.body
  FROM json_each(?) j JOIN place p ON p.seq = j.value JOIN message m ON m.seq = p.seq ORDER BY p.rank, p.seq`
const REMOVE = 'DELETE FROM place WHERE seq = ? AND token = ?'
const RELEASE = `UPDATE place SET token = NULL, owner = NULL, lease_ms = NULL, lease_until_ms = NULL, due_ms = ?,
  deliveries = deliveries - ?, crashes = crashes + ?, foreigns = foreigns + ? WHERE seq = ? AND token = ?`
const QUARANTINE = `INSERT INTO quarantine (task_id, reason, at_ms, queue, rank, deliveries, crashes, foreigns,
    headers, properties, content_type, content_encoding, body)
  SELECT ?, ?, ?, p.queue, p.rank, p.deliveries, p.crashes + ?, p.foreigns + ?,
    m.headers, m.properties, m.content_type, m.content_encoding, m.body
  FROM place p JOIN message m ON m.seq = p.seq WHERE p.seq = ?`
const HEADERS = 'SELECT m.headers FROM place p JOIN message m ON m.seq = p.seq WHERE p.seq = ? AND p.token = ?'
