/**
 * One child as an operating-system process: started by spawn, spoken to over fd 3, watched until nothing more can
 * come from it. Its end is reported once, and only when the process has ended *and* all it wrote has been read, or
 * a short deadline has passed (a process it started may hold its pipes open).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import type { Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeFrame, FrameReader } from '../protocol/frame.ts'
import { frameToChild, readToParent, type ToChild, type ToParent } from '../protocol/messages.ts'

export interface ChildProcessOptions {
  readonly generation: number
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly maxPayloadBytes: number
}

/** What a child process reports. `ended` comes last and once. */
export interface ChildListener {
  message(message: ToParent): void
  /** What came over the channel was no frame; nothing more is read from it. */
  badFrame(error: unknown): void
  ended(end: ChildEnd): void
}

export interface ChildEnd {
  readonly pid: number | null
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Why the process could not be started at all. */
  readonly spawnError: Error | null
  readonly stderrTail: string
}

export class PoolChildProcess {
  readonly pid: number | null
  readonly startedAtMs = performance.now()
  readonly #generation: number
  readonly #process: ChildProcess
  readonly #channel: Socket | null
  readonly #listener: ChildListener
  #out: Buffer[] = []
  #tail = ''
  #exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null = null
  #spawnError: Error | null = null
  #openStreams = 0
  #drainTimer: NodeJS.Timeout | null = null
  #reported = false

  constructor(options: ChildProcessOptions, listener: ChildListener) {
    this.#generation = options.generation
    this.#listener = listener
    this.#process = launch(options)
    this.pid = this.#process.pid ?? null
    this.#channel = (this.#process.stdio[3] as Socket | undefined) ?? null
    this.#process.unref()
    this.#process.once('error', (error) => this.#spawnFailed(error))
    this.#process.once('exit', (code, signal) => this.#exited(code, signal))
    this.#forward(this.#process.stdout as Socket | null, process.stdout)
    this.#forward(this.#process.stderr as Socket | null, process.stderr, true)
    this.#listen(new FrameReader(options.maxPayloadBytes))
  }

  /** Sends with everything else of this tick in one write. */
  send(message: ToChild): void {
    if (this.#out.length === 0) process.nextTick(() => this.#flush())
    for (const part of encodeFrame(frameToChild(message, this.#generation))) this.#out.push(part)
  }

  /** The child and every process of its group, at once. */
  kill(): void {
    if (this.pid === null || this.#exit !== null) return
    killGroup(this.pid)
  }

  #flush(): void {
    const parts = this.#out
    this.#out = []
    if (!this.#channel?.writable) return
    this.#channel.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
  }

  #listen(reader: FrameReader): void {
    const channel = this.#channel
    if (channel === null) return
    this.#watchEnd(channel)
    channel.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk, (frame) => this.#listener.message(readToParent(frame, this.#generation)))
      } catch (error) {
        channel.removeAllListeners('data').resume()
        this.#listener.badFrame(error)
      }
    })
  }

  #forward(from: Socket | null, to: NodeJS.WriteStream, keepTail = false): void {
    if (from === null) return
    this.#watchEnd(from)
    from.on('data', (chunk: Buffer) => {
      if (keepTail) this.#tail = (this.#tail + chunk.toString('utf8')).slice(-TAIL_CHARS)
      // Reading stops while our own output is stuck: the child then waits in write(), and no memory grows.
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    })
  }

  #watchEnd(stream: Socket): void {
    this.#openStreams++
    stream.unref()
    // EPIPE and ECONNRESET say less than the exit that follows them.
    stream.on('error', () => {})
    stream.once('close', () => {
      this.#openStreams--
      this.#reportIfDone()
    })
  }

  #spawnFailed(error: Error): void {
    if (this.pid !== null) return
    this.#spawnError = error
    this.#exit = { code: null, signal: null }
    this.#report()
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#exit = { code, signal }
    // What the child started may live on in its group, holding pipes and memory: it goes with the child.
    if (this.pid !== null) killGroup(this.pid)
    this.#drainTimer = setTimeout(() => this.#report(), DRAIN_MS)
    this.#reportIfDone()
  }

  #reportIfDone(): void {
    if (this.#exit !== null && this.#openStreams === 0) this.#report()
  }

  #report(): void {
    if (this.#reported) return
    this.#reported = true
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer)
    for (const stream of this.#process.stdio) stream?.destroy()
    this.#listener.ended({
      pid: this.pid,
      exitCode: this.#exit?.code ?? null,
      signal: this.#exit?.signal ?? null,
      spawnError: this.#spawnError,
      stderrTail: this.#tail,
    })
  }
}

const DRAIN_MS = 1_000
const TAIL_CHARS = 4_096
const ENTRY = fileURLToPath(new URL('../child/main.js', import.meta.url))

function launch(options: ChildProcessOptions): ChildProcess {
  const node = [...options.execArgv, ENTRY, String(options.generation), String(process.pid)]
  const setpriv = findSetpriv()
  // setpriv asks the kernel to kill the child when the parent dies, then becomes Node: same pid, same pipes.
  const [command, args] =
    setpriv === null ? [process.execPath, node] : [setpriv, ['--pdeathsig', 'KILL', '--', process.execPath, ...node]]
  return spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    env: options.env,
    windowsHide: true,
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: the whole group is gone already.
  }
}

let setprivPath: string | null | undefined

function findSetpriv(): string | null {
  if (setprivPath !== undefined) return setprivPath
  setprivPath = null
  if (process.platform !== 'linux') return null
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, 'setpriv')
    try {
      accessSync(candidate, constants.X_OK)
      setprivPath = candidate
      break
    } catch {
      // Not in this folder.
    }
  }
  return setprivPath
}
