/** Remote control over two tables. Whoever asks and whoever answers are woken like everybody else. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import type { ControlRequest, Mailbox } from '../broker.ts'
import { answerOf } from '../control-reply.ts'
import { type Change, shortChange } from './change.ts'
import type { SqlValue } from './database.ts'
import type { SqliteStore } from './store.ts'

type Answer = (request: ControlRequest) => Promise<unknown>

export class SqliteMailbox implements Mailbox {
  readonly #store: SqliteStore
  readonly #services = new Set<{ close(): Promise<void> }>()

  constructor(store: SqliteStore) {
    this.#store = store
  }

  async serve(node: string, answer: Answer): Promise<{ close(): Promise<void> }> {
    const closing = new AbortController()
    const store = this.#store
    // What was asked before is not for this node: whoever asked knows who was there.
    const seen = await store.read(
      (database) => database.all<[number | null]>('SELECT max(seq) FROM request')[0]?.[0] ?? 0,
    )
    // An error ends the service; the worker, which uses the same store, meets the same error.
    const serving = serve({ store, node, answer, seen, signal: closing.signal }).catch(() => {})
    const service = {
      close: async () => {
        this.#services.delete(service)
        closing.abort()
        await serving
      },
    }
    this.#services.add(service)
    return service
  }

  async ask(
    request: ControlRequest,
    { timeoutMs, limit = Infinity }: { readonly timeoutMs: number; readonly limit?: number },
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = randomUUID()
    const untilMs = Date.now() + timeoutMs
    const timer = AbortSignal.timeout(Math.max(0, Math.ceil(timeoutMs)))
    const ear = this.#store.bell.listen({ holds: true })
    try {
      await this.#store.change(statement(ADD_REQUEST, true, id, encodeWireJson(request), Math.ceil(untilMs)))
      for (;;) {
        const rows = await this.#store.read((database) => database.all<[string, string]>(REPLIES, id))
        if (rows.length < limit && !timer.aborted) {
          await ear.heard({ signal: timer, atMs: untilMs })
          continue
        }
        await this.#store.change(statement('DELETE FROM request WHERE id = ?', false, id))
        await this.#store.change(statement('DELETE FROM reply WHERE request_id = ?', false, id))
        return Object.fromEntries(rows.map(([node, reply]) => [node, decodeWireJson(reply)]))
      }
    } finally {
      ear.close()
    }
  }

  /** Ends what is served. */
  async close(): Promise<void> {
    await Promise.all([...this.#services].map((service) => service.close()))
  }
}

interface Service {
  readonly store: SqliteStore
  readonly node: string
  readonly answer: Answer
  readonly seen: number
  readonly signal: AbortSignal
}

type RequestRow = readonly [seq: number, id: string, request: string, expiresMs: number]

async function serve({ store, node, answer, seen, signal }: Service): Promise<void> {
  const ear = store.bell.listen({ holds: false })
  let last = seen
  try {
    while (!signal.aborted) {
      const rows = await store.read((database) => database.all<RequestRow>(REQUESTS, last, MAX_AT_ONCE))
      last = rows.at(-1)?.[0] ?? last
      await Promise.all(rows.map((row) => reply(store, node, answer, row)))
      if (rows.length === 0) await ear.heard({ signal, atMs: null })
    }
  } finally {
    ear.close()
  }
}

/** Resolves when the reply is stored, or its time is over: an answer that hangs holds up the next ones no longer. */
async function reply(store: SqliteStore, node: string, answer: Answer, row: RequestRow): Promise<void> {
  const [, id, text, expiresMs] = row
  const request = decodeWireJson(text) as ControlRequest
  const leftMs = expiresMs - Date.now()
  if (leftMs <= 0 || (request.destination !== null && !request.destination.includes(node))) return
  const said = await inTime(answerOf(answer, request), leftMs)
  if (said === null) return
  // A reply that cannot be stored is one that did not come: the asker has its deadline, and this node goes on.
  await store.change(statement(ADD_REPLY, true, id, node, said, expiresMs)).catch(() => {})
}

async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T | null> {
  const over = new AbortController()
  const waitMs = Math.min(timeoutMs, MAX_ANSWER_MS)
  const timeout = pause(waitMs, null, { ref: false, signal: over.signal }).catch(() => null)
  const first = await Promise.race([promise, timeout])
  over.abort()
  return first
}

function statement(sql: string, wakes: boolean, ...values: readonly SqlValue[]): Change<number> {
  return shortChange((database) => database.run(sql, ...values), { wakes: () => wakes })
}

const MAX_AT_ONCE = 32
const MAX_ANSWER_MS = 60_000

const ADD_REQUEST = 'INSERT INTO request (id, request, expires_ms) VALUES (?, ?, ?)'
const REQUESTS = 'SELECT seq, id, request, expires_ms FROM request WHERE seq > ? ORDER BY seq LIMIT ?'
const ADD_REPLY = 'INSERT OR REPLACE INTO reply (request_id, node, reply, expires_ms) VALUES (?, ?, ?, ?)'
const REPLIES = 'SELECT node, reply FROM reply WHERE request_id = ?'
