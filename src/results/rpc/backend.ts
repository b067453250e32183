/**
 * Results as messages: Celery's `rpc://`. Each process that sends tasks has a queue of its own, every task it sends
 * carries its name, and whoever runs the task sends the result there. So only the sender gets a result, and only once
 * it has left the queue: it is kept here as long as there is room.
 */
import type { AmqpAddress } from '../../brokers/amqp/address.ts'
import { prepareReply } from '../../brokers/amqp/result-reply.ts'
import { type AmqpStore, acquireAmqpStore, releaseAmqpStore } from '../../brokers/amqp/store.ts'
import { CaromError } from '../../errors.ts'
import type { ReplyAddress, ResultBackend, WaitSignal } from '../backend.ts'
import { isReady, type ResultMeta } from '../meta.ts'
import { ResultWaiters } from '../waiters.ts'
import { KeptResults } from './kept-results.ts'
import { ReplyQueue } from './reply-queue.ts'

export async function openRpcBackend(address: AmqpAddress): Promise<ResultBackend> {
  return new RpcBackend(await acquireAmqpStore(address))
}

class RpcBackend implements ResultBackend {
  readonly store: string
  readonly replies: ReplyAddress
  readonly #store: AmqpStore
  readonly #queue: ReplyQueue
  readonly #kept = new KeptResults()
  readonly #waiters = new ResultWaiters()
  #closed: Promise<void> | null = null

  constructor(store: AmqpStore) {
    this.store = store.name
    this.#store = store
    this.#queue = new ReplyQueue(store, (meta) => this.#received(meta))
    this.replies = {
      open: async () => {
        this.#assertOpen()
        await this.#queue.open()
        return this.#queue.name
      },
      expect: (taskIds) => this.#kept.expect(taskIds),
    }
  }

  /** Sends each result to whoever waits for it; one without a `reply` is nobody's. */
  async save(metas: readonly ResultMeta[]): Promise<void> {
    this.#assertOpen()
    const { persistentResults } = this.#store.address
    await this.#store.publish(metas.flatMap((meta) => prepareReply(meta, persistentResults)))
  }

  async load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]> {
    this.#assertOpen()
    for (const taskId of taskIds) this.#assertExpected(taskId)
    // What was sent before this is here when this is through.
    await this.#queue.catchUp()
    return taskIds.map((taskId) => this.#kept.get(taskId))
  }

  async wait(taskId: string, { signal }: { readonly signal: WaitSignal }): Promise<ResultMeta> {
    this.#assertOpen()
    if (signal.aborted) throw signal.reason
    this.#assertExpected(taskId)
    const meta = this.#kept.get(taskId)
    return meta !== null && isReady(meta.status) ? meta : this.#waiters.add(taskId, signal)
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    await this.#queue.catchUp()
    for (const taskId of taskIds) this.#kept.forget(taskId)
  }

  saveGroup(): Promise<void> {
    return this.#refuse('A group cannot be saved')
  }

  loadGroup(): Promise<null> {
    return this.#refuse('A group cannot be found')
  }

  forgetGroup(): Promise<void> {
    return this.#refuse('A group cannot be forgotten')
  }

  openChords(): Promise<void> {
    return this.#refuse('A chord cannot be counted')
  }

  joinChord(): Promise<null> {
    return this.#refuse('A chord cannot be counted')
  }

  closeChords(): Promise<void> {
    return this.#refuse('A chord cannot be counted')
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#waiters.rejectAll(this.#closedError())
    await this.#queue.close()
    await releaseAmqpStore(this.#store)
  }

  #received(meta: ResultMeta): void {
    // Somebody may wait for a task that is among too many to be remembered.
    if (this.#kept.keep(meta) || this.#waiters.has(meta.taskId)) this.#waiters.deliver(meta)
  }

  #assertExpected(taskId: string): void {
    if (this.#kept.isExpected(taskId)) return
    throw new CaromError(
      'CAROM_RESULT_ELSEWHERE',
      `The result of task ${taskId} cannot be asked for here: with results as messages (rpc) only the process that sent ` +
        'the task gets it, and keeps it for a while. Name a result backend that stores results to read them anywhere',
      { taskId },
    )
  }

  /** Celery refuses the same: nothing is kept that several processes could share. */
  #refuse(what: string): Promise<never> {
    const text = `${what} with results as messages (rpc): name a result backend that stores results`
    return Promise.reject(new CaromError('CAROM_RESULT_ELSEWHERE', text))
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw this.#closedError()
  }

  #closedError(): CaromError {
    return new CaromError('CAROM_STORE_CLOSED', `This result backend on ${this.store} was closed`)
  }
}
