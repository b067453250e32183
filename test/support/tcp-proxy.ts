/** Stands between a client and a server, and can go down, come up again, and fall silent. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class TcpProxy {
  readonly port: number
  readonly #target: number
  readonly #sockets = new Set<Socket>()
  #server: Server | null
  #silent = false

  constructor(server: Server, port: number, target: number) {
    this.#server = server
    this.port = port
    this.#target = target
    server.on('connection', (client) => this.#join(client))
  }

  /** Breaks every connection and takes no new one. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = null
    server?.close()
    for (const socket of this.#sockets) socket.resetAndDestroy()
    if (server !== null) await once(server, 'close')
  }

  async up(): Promise<void> {
    const server = createServer((client) => this.#join(client)).listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
  }

  /** Connections stay, and nothing passes: as when a cable is pulled. What comes meanwhile is lost. */
  silence(silent: boolean): void {
    this.#silent = silent
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1')
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (bytes) => {
        if (!this.#silent) to.write(bytes)
      })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        if (!this.#silent) to.destroy()
      })
    }
  }
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new TcpProxy(server, (server.address() as { port: number }).port, target)
}
