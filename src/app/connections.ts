/** An app's way to its stores: opened at first use, shared, closed once, and never opened in a worker's child. */
import type { Broker, Outgoing } from '../brokers/broker.ts'
import { CaromError } from '../errors.ts'
import { currentContext } from '../job/context.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { ResultSource } from '../results/result-wait.ts'
import { insideChild } from './inside.ts'
import { Opening } from './opening.ts'

/** What is read when a store is opened, not before: the environment may be filled in after the app was created. */
export interface StoreUrls {
  readonly name: string
  readonly brokerUrl: string | undefined
  readonly resultBackendUrl: string | undefined
  readonly resultExpiresMs?: number | undefined
}

export class Connections implements ResultSource {
  readonly #name: string
  readonly #urls: StoreUrls
  #repliesAreMessages: boolean | undefined
  readonly #broker: Opening<Broker>
  readonly #backend: Opening<ResultBackend>
  readonly #running = new Set<Promise<unknown>>()
  readonly #ending = new AbortController()
  readonly #stops = new Set<(reason: unknown) => void>()
  #closing: Promise<void> | undefined

  constructor(urls: StoreUrls) {
    this.#name = urls.name
    this.#urls = urls
    const { name: appName, resultExpiresMs } = urls
    // Loaded with the first use: to import an app loads nothing that knows a store.
    this.#broker = new Opening(async () => {
      const { openBroker } = await import('../brokers/open.ts')
      return openBroker(urls.brokerUrl, { appName, resultExpiresMs })
    })
    this.#backend = new Opening(async () => {
      const { openBackend } = await import('../results/open.ts')
      return openBackend(urls.resultBackendUrl, { appName, resultExpiresMs, brokerUrl: urls.brokerUrl })
    })
  }

  onEnding(stop: (reason: unknown) => void): () => void {
    if (this.#ending.signal.aborted) {
      stop(this.#ending.signal.reason)
      return () => {}
    }
    this.#stops.add(stop)
    return () => this.#stops.delete(stop)
  }

  /** Runs `work`, and lets {@link close} wait for it. @throws CaromError `CAROM_APP_CLOSED` */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#ending.signal.throwIfAborted()
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Resolves when the broker has confirmed every message: all of them or none. */
  async publish(messages: readonly Outgoing[]): Promise<void> {
    const inside = insideChild()
    if (inside !== undefined) return inside.publish(messages)
    const broker = await this.#broker.get()
    await broker.publish(await this.#addressed(messages))
  }

  /** Where results are messages, each task says where its own has to go. */
  async #addressed(messages: readonly Outgoing[]): Promise<readonly Outgoing[]> {
    this.#repliesAreMessages ??= await this.#areResultsMessages()
    if (!this.#repliesAreMessages) return messages
    const { replies } = await this.#backend.get()
    if (replies === undefined) return messages
    const reply_to = await replies.open()
    const awaited = messages.filter(({ message }) => message.headers.ignore_result !== true)
    replies.expect(awaited.map(({ message }) => message.headers.id))
    return messages.map(({ queue, message }) => ({
      queue,
      message: { ...message, properties: { ...message.properties, reply_to } },
    }))
  }

  async #areResultsMessages(): Promise<boolean> {
    const { areResultsMessages } = await import('../results/open.ts')
    return areResultsMessages(this.#urls.resultBackendUrl, { appName: this.#urls.name })
  }

  open(): Promise<ResultBackend> {
    const { aborted, reason } = this.#ending.signal
    return aborted ? Promise.reject(reason) : this.#backend.get()
  }

  allow(action: 'get' | 'look', taskId: string): void {
    const waits = action === 'get' && isTask(currentContext())
    if (!waits && insideChild() === undefined) return
    throw new CaromError(
      'CAROM_RESULT_INSIDE_TASK',
      `The result of task ${taskId} cannot be asked for inside a task: waiting here can wait for ever, once every child ` +
        'waits for a task that none is left to run. Return, and let the sender wait',
      { taskId },
    )
  }

  /** Waits for what is running, then closes what was opened. Later calls give the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#ending.abort(
      new CaromError(
        'CAROM_APP_CLOSED',
        `App "${this.#name}" is closed: it sends nothing and reads no results any more`,
      ),
    )
    for (const stop of this.#stops) stop(this.#ending.signal.reason)
    await Promise.allSettled(this.#running)
    await Promise.all([this.#broker.close(), this.#backend.close()])
  }
}

function isTask(context: ReturnType<typeof currentContext>): boolean {
  return context !== undefined && 'attempt' in context
}
