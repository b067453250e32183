/** Remote control within one process. What is said still passes through JSON, so that it is what other stores give. */
import { setTimeout as pause } from 'node:timers/promises'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import type { ControlRequest, Mailbox } from '../broker.ts'
import { answerOf } from '../control-reply.ts'
import type { MemoryStore, Server } from './store.ts'

export class MemoryMailbox implements Mailbox {
  readonly #store: MemoryStore
  readonly #own = new Set<Server>()

  constructor(store: MemoryStore) {
    this.#store = store
  }

  async serve(node: string, answer: Server['answer']): Promise<{ close(): Promise<void> }> {
    const server = { node, answer }
    this.#store.servers.add(server)
    this.#own.add(server)
    return { close: async () => this.#remove(server) }
  }

  async ask(
    request: ControlRequest,
    { timeoutMs, limit = Infinity }: { readonly timeoutMs: number; readonly limit?: number },
  ): Promise<Readonly<Record<string, unknown>>> {
    const text = encodeWireJson(request)
    const { destination } = request
    const asked = [...this.#store.servers].filter(({ node }) => destination === null || destination.includes(node))
    const replies = new Map<string, unknown>()
    const enough = new AbortController()
    const collect = async ({ node, answer }: Server) => {
      replies.set(node, decodeWireJson(await answerOf(answer, decodeWireJson(text) as ControlRequest)))
      if (replies.size >= limit) enough.abort()
    }
    // Nobody awaits it: an answer may never come.
    void Promise.all(asked.map(collect))
    await pause(timeoutMs, undefined, { signal: enough.signal }).catch(() => {})
    return Object.fromEntries(replies)
  }

  /** Ends what is served. */
  close(): void {
    for (const server of this.#own) this.#remove(server)
  }

  #remove(server: Server): void {
    this.#own.delete(server)
    this.#store.servers.delete(server)
  }
}
