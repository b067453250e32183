/** Remote control over pub/sub, as Celery's: a Python client can ask a Carom worker, and the other way round. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { ControlRequest, Mailbox } from '../broker.ts'
import { answerOf } from '../control-reply.ts'
import { SEPARATOR } from './keys.ts'
import { type Asked, PIDBOX, REPLIES, readReply, readRequest, replyEnvelope, requestEnvelope } from './pidbox.ts'
import { script } from './script.ts'
import { type RedisStore, throwFirst } from './store.ts'

type Answer = (request: ControlRequest) => Promise<unknown>

export class RedisMailbox implements Mailbox {
  readonly #store: RedisStore
  readonly #services = new Set<{ close(): Promise<void> }>()

  constructor(store: RedisStore) {
    this.#store = store
  }

  async serve(node: string, answer: Answer): Promise<{ close(): Promise<void> }> {
    const { keys, subscriber } = this.#store
    const pattern = keys.channel(PIDBOX)
    let answering = 0
    const hear = (message: Buffer) => {
      const asked = readRequest(message)
      if (asked === null || !asked.isFor(node) || answering >= MAX_AT_ONCE) return
      answering++
      // A reply that cannot be sent is one that did not come: the asker has its deadline, and this node goes on.
      reply(this.#store, node, answer, asked)
        .catch(() => {})
        .finally(() => answering--)
    }
    // No binding: kombu publishes to a fanout exchange without looking for any, and that of a killed node would stay.
    await subscriber.listenPattern(pattern, hear)
    const service = {
      close: async () => {
        if (!this.#services.delete(service)) return
        subscriber.leavePattern(pattern, hear)
      },
    }
    this.#services.add(service)
    return service
  }

  async ask(
    request: ControlRequest,
    { timeoutMs, limit = Infinity }: { readonly timeoutMs: number; readonly limit?: number },
  ): Promise<Readonly<Record<string, unknown>>> {
    const { keys } = this.#store
    const [ticket, replyKey] = [randomUUID(), randomUUID()]
    const queue = `${replyKey}.${REPLIES}`
    const binding = [replyKey, '', queue].join(SEPARATOR)
    const untilMs = Date.now() + timeoutMs
    const text = requestEnvelope(request, { ticket, replyKey, expiresMs: untilMs })
    await this.#store.run((client) => client.sadd(keys.binding(REPLIES), binding))
    try {
      await this.#store.run((client) => client.publish(keys.channel(PIDBOX), text))
      return await this.#collect(keys.list(queue, 0), ticket, { untilMs, limit })
    } finally {
      await this.#store
        .run(async (client) => {
          const pipeline = client.pipeline().srem(keys.binding(REPLIES), binding).del(keys.list(queue, 0))
          throwFirst(await pipeline.exec())
        })
        .catch(() => {})
    }
  }

  /** Ends what is served. */
  async close(): Promise<void> {
    await Promise.all([...this.#services].map((service) => service.close()))
  }

  async #collect(
    list: string,
    ticket: string,
    { untilMs, limit }: { readonly untilMs: number; readonly limit: number },
  ): Promise<Readonly<Record<string, unknown>>> {
    const timer = AbortSignal.timeout(Math.max(0, Math.ceil(untilMs - Date.now())))
    const ear = this.#store.bell.listen({ holds: true })
    const replies = new Map<string, unknown>()
    try {
      for (;;) {
        const texts = (await this.#store.run((client) => client.rpopBuffer(list, MAX_REPLIES))) ?? []
        for (const text of texts) for (const reply of Object.entries(readReply(text, ticket))) replies.set(...reply)
        if (replies.size >= limit || timer.aborted) return Object.fromEntries(replies)
        if (texts.length > 0 || !(await this.#store.watch([list]))) continue
        await ear.heard({ signal: timer, atMs: Math.min(untilMs, Date.now() + POLL_MS) })
      }
    } finally {
      ear.close()
    }
  }
}

async function reply(store: RedisStore, node: string, answer: Answer, { request, replyTo }: Asked): Promise<void> {
  const said = await inTime(answerOf(answer, request))
  if (said === null || replyTo === null) return
  const { keys } = store
  const bound = await store.run((client) => client.smembers(keys.binding(replyTo.exchange)))
  const members = bound.map((member) => member.split(SEPARATOR)).filter(([key]) => key === replyTo.routingKey)
  // Whoever can ask names exchange and key: an answer must not get into a queue of tasks, nor give it a lifetime.
  const queues = members.flatMap(([, , queue]) => (queue?.endsWith(`.${REPLIES}`) ? [queue] : []))
  const lists = queues.map((queue) => keys.list(queue, 0))
  if (lists.length > 0) await store.script(REPLY, lists, [replyEnvelope(node, said, replyTo), REPLY_LIFETIME_MS])
}

/** `null` for an answer that hangs: it holds up the next ones no longer. */
async function inTime<T>(promise: Promise<T>): Promise<T | null> {
  const over = new AbortController()
  const timeout = pause(MAX_ANSWER_MS, null, { ref: false, signal: over.signal }).catch(() => null)
  const first = await Promise.race([promise, timeout])
  over.abort()
  return first
}

const MAX_AT_ONCE = 32
const MAX_ANSWER_MS = 60_000
const MAX_REPLIES = 100
const REPLY_LIFETIME_MS = 300_000
const POLL_MS = 250

/** KEYS: lists of replies. ARGV: the reply, its lifetime in milliseconds: whoever asked may be gone by now. */
const REPLY = script(`
for _, list in ipairs(KEYS) do redis.call('LLEN', list) end
for _, list in ipairs(KEYS) do
  redis.call('LPUSH', list, ARGV[1])
  redis.call('PEXPIRE', list, ARGV[2])
end
return 1
`)
