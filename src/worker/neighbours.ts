/**
 * Which tasks the other workers know, Python's too: a task that nobody knows here may be theirs, and how long it is kept
 * for them depends on it. They are asked in the background, and only while such tasks come.
 */
import type { Mailbox } from '../brokers/broker.ts'

/** `unasked`: they have not had the time to be heard. */
export type Elsewhere = 'known' | 'unknown' | 'unasked'

export class Neighbours {
  readonly #mailbox: Pick<Mailbox, 'ask'>
  readonly #nowMs: () => number
  /** When each task was last among those that somebody knows. */
  readonly #seen = new Map<string, number>()
  /** When each task was first looked up here. */
  readonly #wanted = new Map<string, number>()
  #askedAtMs = Number.NEGATIVE_INFINITY
  #heard = false

  /** @param nowMs a clock that never goes back */
  constructor(mailbox: Pick<Mailbox, 'ask'>, nowMs: () => number = () => performance.now()) {
    this.#mailbox = mailbox
    this.#nowMs = nowMs
  }

  /** By what was heard so far; asks again where that is old. */
  whoKnows(task: string): Elsewhere {
    const nowMs = this.#nowMs()
    if (nowMs - this.#askedAtMs >= ASK_EVERY_MS) {
      this.#askedAtMs = nowMs
      void this.#ask()
    }
    const since = this.#wanted.get(task) ?? nowMs
    remember(this.#wanted, task, since)
    const seenAtMs = this.#seen.get(task)
    if (seenAtMs !== undefined && nowMs - seenAtMs < REMEMBERED_MS) return 'known'
    return this.#heard && nowMs - since >= PATIENCE_MS ? 'unknown' : 'unasked'
  }

  async #ask(): Promise<void> {
    try {
      const request = { method: 'registered', arguments: {}, destination: null }
      const replies = await this.#mailbox.ask(request, { timeoutMs: REPLY_MS })
      for (const names of Object.values(replies)) this.#hear(names)
      this.#heard = true
    } catch {
      // Nobody could be asked: the next time will tell.
      this.#heard = false
    }
  }

  /** Names as Celery has them, perhaps with `[rate_limit=...]` behind. A stranger's, and there may be anything else. */
  #hear(names: unknown): void {
    if (!Array.isArray(names)) return
    const nowMs = this.#nowMs()
    for (const name of names) {
      const [task] = typeof name === 'string' ? name.split(' [', 1) : []
      if (task !== undefined && this.#wanted.has(task)) remember(this.#seen, task, nowMs)
    }
  }
}

function remember(times: Map<string, number>, task: string, atMs: number): void {
  if (times.size >= MAX_TASKS && !times.has(task)) times.clear()
  times.set(task, atMs)
}

const ASK_EVERY_MS = 10_000
// Celery's own patience.
const REPLY_MS = 1_000
// A worker that was just started, or is being started anew.
const PATIENCE_MS = 60_000
const REMEMBERED_MS = 3_600_000
const MAX_TASKS = 10_000
