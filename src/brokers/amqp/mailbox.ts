/** Remote control as Celery has it on AMQP (kombu's pidbox), so that either side's commands reach the other's workers. */
import type { ControlRequest, Mailbox } from '../broker.ts'
import { ControlAsker } from './control-asker.ts'
import { ControlServer } from './control-server.ts'
import type { AmqpStore } from './store.ts'

export class AmqpMailbox implements Mailbox {
  readonly #store: AmqpStore
  readonly #servers = new Set<ControlServer>()
  readonly #asker: ControlAsker

  constructor(store: AmqpStore) {
    this.#store = store
    this.#asker = new ControlAsker(store)
  }

  async serve(
    node: string,
    answer: (request: ControlRequest) => Promise<unknown>,
  ): Promise<{ close(): Promise<void> }> {
    const server = new ControlServer(this.#store, node, answer)
    this.#servers.add(server)
    await server.start()
    return {
      close: async () => {
        this.#servers.delete(server)
        await server.close()
      },
    }
  }

  ask(
    request: ControlRequest,
    options: { readonly timeoutMs: number; readonly limit?: number },
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.#asker.ask(request, options)
  }

  /** Ends what is served. */
  async close(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.close()))
    this.#servers.clear()
  }
}
