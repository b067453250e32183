import type { Quarantine, QuarantinedMessage } from '../broker.ts'
import { fromStored, type PlacedMessage } from '../stored-message.ts'
import { type Change, stepPerItem } from './change.ts'
import { place } from './places.ts'
import type { SqliteStore } from './store.ts'

export class SqliteQuarantine implements Quarantine {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  async list(): Promise<readonly QuarantinedMessage[]> {
    const messages: QuarantinedMessage[] = []
    for (let after = 0; ; ) {
      const rows = await this.#store.read((database) => database.all<QuarantineRow>(LIST, after, SLICE))
      messages.push(...rows.map(toQuarantined))
      const last = rows.at(-1)
      if (last === undefined || rows.length < SLICE) return messages
      after = last[0]
    }
  }

  replay(taskIds: readonly string[]): Promise<number> {
    return this.#store.change(take(taskIds, true))
  }

  drop(taskIds: readonly string[]): Promise<number> {
    return this.#store.change(take(taskIds, false))
  }
}

/** Takes messages out of the quarantine, and back to their queue if `replayed`. */
function take(taskIds: readonly string[], replayed: boolean): Change<number> {
  return {
    rows: taskIds.length,
    bytes: 0,
    wakes: (taken) => replayed && taken > 0,
    durable: true,
    *steps(database) {
      const taken = yield* stepPerItem(new Set(taskIds), (taskId) => {
        if (replayed) for (const row of database.all<PlacedRow>(FIND, taskId)) place(database, toPlaced(row))
        return database.run('DELETE FROM quarantine WHERE task_id = ?', taskId)
      })
      return taken.reduce((sum, count) => sum + count, 0)
    },
  }
}

type QuarantineRow = readonly [
  seq: number,
  taskId: string,
  reason: string,
  atMs: number,
  queue: string,
  deliveries: number,
  crashes: number,
  foreign: number,
  headers: string,
  properties: string,
  contentType: string,
  contentEncoding: string,
  body: Uint8Array,
]

function toQuarantined(row: QuarantineRow): QuarantinedMessage {
  const [, taskId, reason, atMs, queue, deliveries, crashes, foreign, headers, properties, ...rest] = row
  const [contentType, contentEncoding, body] = rest
  const message = fromStored({ headers, properties, contentType, contentEncoding, body })
  return { taskId, queue, message, counts: { deliveries, crashes, foreign }, reason, atMs }
}

type PlacedRow = readonly [string, number, string, string, string, string, Uint8Array]

function toPlaced(row: PlacedRow): PlacedMessage {
  const [queue, rank, headers, properties, contentType, contentEncoding, body] = row
  return { queue, rank, dueMs: 0, headers, properties, contentType, contentEncoding, body }
}

const SLICE = 100
const LIST = `SELECT seq, task_id, reason, at_ms, queue, deliveries, crashes, foreigns,
    headers, properties, content_type, content_encoding, body
  FROM quarantine WHERE seq > ? ORDER BY seq LIMIT ?`
const FIND = `SELECT queue, rank, headers, properties, content_type, content_encoding, body
  FROM quarantine WHERE task_id = ? ORDER BY seq`
