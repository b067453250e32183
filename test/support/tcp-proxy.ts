/** Stands between a client and a server: goes down, comes up again, falls silent, becomes slow, loses replies. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { until } from './wait.ts'

/** How fast a connection is, in each direction. */
export interface Line {
  readonly bytesPerSecond: number
  readonly latencyMs: number
}

export class TcpProxy {
  readonly port: number
  readonly #target: number
  readonly #sockets = new Set<Socket>()
  #server: Server | null
  #silent = false
  #line: Line | null = null
  #lost: { readonly text: string; readonly what: 'request' | 'reply'; readonly cut: () => void } | null = null

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

  /** From now on; `null` for as fast as it is. */
  slow(line: Line | null): void {
    this.#line = line
  }

  /** The next request with this text reaches the server; its reply is lost, with the connection. Resolves then. */
  loseReplyTo(text: string): Promise<void> {
    return this.#lose('reply', text)
  }

  /** The next request with this text does not reach the server: it is lost, with the connection. Resolves then. */
  loseRequest(text: string): Promise<void> {
    return this.#lose('request', text)
  }

  #lose(what: 'request' | 'reply', text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#lost = { text, what, cut: resolve }
    })
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1')
    let isAnswered: (() => void) | null = null
    const cut = (done: () => void) => {
      client.resetAndDestroy()
      done()
      return false
    }
    this.#pass(client, server, (bytes) => {
      if (this.#lost === null || !bytes.includes(this.#lost.text)) return true
      const { what, cut: done } = this.#lost
      this.#lost = null
      if (what === 'request') return cut(done)
      isAnswered = done
      return true
    })
    this.#pass(server, client, () => isAnswered === null || cut(isAnswered))
  }

  #pass(from: Socket, to: Socket, passes: (bytes: Buffer) => boolean): void {
    let carried = Promise.resolve()
    let onTheWay = 0
    this.#sockets.add(from)
    from.on('data', (bytes) => {
      if (this.#silent || !passes(bytes)) return
      if (this.#line === null && onTheWay === 0) {
        to.write(bytes)
        return
      }
      onTheWay += bytes.length
      if (onTheWay > MAX_ON_THE_WAY) from.pause()
      const [line, fromMs] = [this.#line ?? FAST, performance.now()]
      carried = carried.then(async () => {
        await carry(to, bytes, line, fromMs)
        onTheWay -= bytes.length
        from.resume()
      })
    })
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      if (!this.#silent) to.destroy()
    })
  }
}

async function carry(to: Socket, bytes: Buffer, { bytesPerSecond, latencyMs }: Line, fromMs: number): Promise<void> {
  let dueMs = fromMs + latencyMs
  const isDue = () => performance.now() >= dueMs || to.destroyed
  const size = Math.max(1, Math.floor(bytesPerSecond / PIECES_PER_SECOND))
  for (let at = 0; at < bytes.length && !to.destroyed; at += size) {
    const piece = bytes.subarray(at, at + size)
    dueMs = Math.max(dueMs, at === 0 ? performance.now() : 0) + (1000 * piece.length) / bytesPerSecond
    await until(isDue, { what: 'the bytes have got here', withinMs: 60_000 })
    to.write(piece)
  }
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new TcpProxy(server, (server.address() as { port: number }).port, target)
}

const FAST: Line = { bytesPerSecond: Infinity, latencyMs: 0 }
const MAX_ON_THE_WAY = 65_536
const PIECES_PER_SECOND = 50
