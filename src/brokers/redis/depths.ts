/** How many messages lie where. Counted while others publish and claim: each counts in a state that it had meanwhile. */
import type { QueueDepth } from '../broker.ts'
import { placeOf } from './keys.ts'
import { type RedisStore, throwFirst } from './store.ts'

interface Counts {
  waiting: number
  delayed: number
  claimed: number
}

/** Of the queues that a Carom process has met, and of `known`. What Python workers hold is not told by queue. */
export async function countDepths(store: RedisStore, known: readonly string[]): Promise<QueueDepth[]> {
  const { keys } = store
  const depths = new Map<string, Counts>()
  const of = (queue: string) => {
    const counts = depths.get(queue) ?? { waiting: 0, delayed: 0, claimed: 0 }
    depths.set(queue, counts)
    return counts
  }
  for (const queue of [...known, ...(await store.run((client) => client.smembers(keys.queues)))]) of(queue)
  const [seconds, micros] = await store.run((client) => client.time())
  const nowMs = Number(seconds) * 1000 + Number(micros) / 1000
  for await (const [field] of scan(store, keys.leases)) {
    const place = placeOf(field)
    if (place !== null) of(place.queue).claimed++
  }
  for await (const [field, dueMs] of scan(store, keys.due)) {
    const place = placeOf(field)
    if (place !== null) of(place.queue)[dueMs > nowMs ? 'delayed' : 'waiting']++
  }
  const queues = [...depths.keys()].sort()
  for (let at = 0; at < queues.length; at += QUEUES_AT_ONCE) {
    const some = queues.slice(at, at + QUEUES_AT_ONCE)
    for (const [index, length] of (await lengths(store, some)).entries()) of(some[index] as string).waiting += length
  }
  const counted = queues.map((queue) => ({ queue, ...of(queue) }))
  return counted.filter(({ waiting, delayed, claimed }) => waiting + delayed + claimed > 0)
}

async function lengths(store: RedisStore, queues: readonly string[]): Promise<number[]> {
  const replies = await store.run(async (client) => {
    const pipeline = client.pipeline()
    for (const queue of queues) for (const list of store.keys.lists(queue)) pipeline.llen(list)
    return throwFirst(await pipeline.exec())
  })
  const each = replies.length / Math.max(1, queues.length)
  return queues.map((_, index) =>
    replies.slice(index * each, (index + 1) * each).reduce<number>((sum, length) => sum + (length as number), 0),
  )
}

/** The members of a sorted set with their scores, each once. */
export async function* scan(store: RedisStore, key: string): AsyncGenerator<readonly [string, number]> {
  const seen = new Set<string>()
  for (let cursor = '0'; ; ) {
    const [next, pairs] = await store.run((client) => client.zscan(key, cursor, 'COUNT', SLICE))
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const member = pairs[at] as string
      if (seen.has(member)) continue
      seen.add(member)
      yield [member, Number(pairs[at + 1])]
    }
    if (next === '0') return
    cursor = next
  }
}

const QUEUES_AT_ONCE = 100
const SLICE = 1_000
