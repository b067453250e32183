/**
 * Messages that other workers, Python's, have taken and not acknowledged. They go back by kombu's own rule: one
 * process at a time holds the mutex, and what was taken longer ago than the visibility timeout is given back.
 */
import { randomUUID } from 'node:crypto'
import { isJsonObject } from '../../message/invalid-message.ts'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import { boundQueues } from './bindings.ts'
import { MAX_ENVELOPE_BYTES, oversize } from './envelope-size.ts'
import { RESTORE } from './field-scripts.ts'
import { fieldKeys, stepOf } from './keys.ts'
import { script } from './script.ts'
import type { RedisStore } from './store.ts'

/** Returns how many messages were given back. */
export async function restoreForeign(store: RedisStore): Promise<number> {
  const { keys, address } = store
  const token = randomUUID()
  const locked = await store.run((client) => client.set(keys.unackedMutex, token, 'PX', MUTEX_MS, 'NX'))
  if (locked === null) return 0
  try {
    const [seconds] = await store.run((client) => client.time())
    const latest = Number(seconds) - address.options.visibilityTimeoutMs / 1000
    return await restoreUntil(store, latest)
  } finally {
    await store.script(UNLOCK, [keys.unackedMutex], [token])
  }
}

async function restoreUntil(store: RedisStore, latest: number): Promise<number> {
  const { keys } = store
  let restored = 0
  for (let skipped = 0; ; ) {
    const tags = await store.run((client) =>
      client.zrangebyscore(keys.unackedIndex, '-inf', latest, 'LIMIT', skipped, SLICE),
    )
    for (const tag of tags) {
      // What cannot be given back from here, or read, stays for those who know its exchange.
      if (await restore(store, tag, latest)) restored++
      else skipped++
    }
    if (tags.length < SLICE) return restored
  }
}

/** One by one, so that one that cannot be given back keeps no other from it. */
async function restore(store: RedisStore, tag: string, latest: number): Promise<boolean> {
  const { keys } = store
  const bytes = await store.run((client) => client.hstrlen(keys.unacked, tag))
  if (bytes > MAX_ENVELOPE_BYTES) return false
  const value = await store.run((client) => client.hgetBuffer(keys.unacked, tag))
  const read = value === null ? null : readUnacked(value)
  if (value === null || read === null) return false
  const { envelope, exchange, routingKey } = read
  try {
    const queues =
      exchange === ''
        ? [routingKey]
        : boundQueues(await store.run((client) => client.smembers(keys.binding(exchange))), routingKey)
    if (queues.length === 0) return false
    const step = stepOf(isJsonObject(envelope.properties) ? envelope.properties.priority : 0)
    const lists = queues.map((queue) => keys.list(queue, step))
    return (
      (await store.script(RESTORE, [...fieldKeys(keys), ...lists], [latest, tag, value, redelivered(envelope)])) === 1
    )
  } catch {
    // A list or binding of another type, or forbidden. Where the whole store is away, the next look meets it.
    return false
  }
}

interface Unacked {
  readonly envelope: Record<string, unknown>
  readonly exchange: string
  readonly routingKey: string
}

function readUnacked(value: Buffer): Unacked | null {
  if (oversize(value) !== null) return null
  try {
    const read = decodeWireJson(value.toString())
    if (!Array.isArray(read)) return null
    const [envelope, exchange, routingKey] = read
    if (!isJsonObject(envelope) || typeof routingKey !== 'string' || routingKey === '') return null
    return { envelope, exchange: typeof exchange === 'string' ? exchange : '', routingKey }
  } catch {
    return null
  }
}

/** The mark that kombu sets, in both places. */
function redelivered(envelope: Record<string, unknown>): string {
  const headers = isJsonObject(envelope.headers) ? envelope.headers : {}
  const properties = isJsonObject(envelope.properties) ? envelope.properties : {}
  const info = isJsonObject(properties.delivery_info) ? properties.delivery_info : {}
  return encodeWireJson({
    ...envelope,
    headers: { ...headers, redelivered: true },
    properties: { ...properties, delivery_info: { ...info, redelivered: true } },
  })
}

const MUTEX_MS = 300_000
const SLICE = 50

/** KEYS: the mutex. ARGV: the token of its holder. */
const UNLOCK = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)
