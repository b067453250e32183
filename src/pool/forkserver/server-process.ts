/** A fork server as its pool sees it: one process, that is told what to fork and tells what became of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Addon, Descriptors } from '../../native/addon.ts'
import { type Failure, MAX_FAILURE_BYTES, readFailure } from '../../support/failure.ts'
import { deadline } from '../parent/deadline.ts'
import { forward } from '../parent/forward.ts'
import { StderrTail } from '../parent/stderr-tail.ts'
import {
  type FromForkServer,
  frameToForkServer,
  readFromForkServer,
  type ToForkServer,
} from '../protocol/fork-messages.ts'
import { FrameError, FrameReader, FrameWriter } from '../protocol/frame.ts'

export interface ServerOptions {
  /** URLs of the modules that it loads before it forks. */
  readonly preload: readonly string[]
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

export interface ServerListener {
  report(report: FromForkServer): void
  /** It is gone, and all that it had said was told. Nothing follows. */
  gone(reason: string): void
}

export class ServerProcess {
  readonly pid: number | null
  readonly #addon: Addon
  readonly #listener: ServerListener
  readonly #process: ChildProcess
  readonly #control: Socket | null
  /** Our end of the socket for packets. */
  readonly #packets: number
  readonly #stderr = new StderrTail()
  readonly #out = new FrameWriter()
  #isGone = false
  #why: string | null = null

  /** @throws Error when there are no descriptors or no memory left. */
  constructor(addon: Addon, options: ServerOptions, listener: ServerListener) {
    this.#addon = addon
    this.#listener = listener
    const [near, far] = addon.packetPair()
    this.#packets = near
    try {
      this.#process = launch(options, far)
    } catch (error) {
      addon.closeDescriptor(near)
      throw error
    } finally {
      addon.closeDescriptor(far)
    }
    this.pid = this.#process.pid ?? null
    this.#process.unref()
    this.#process.once('error', (error) => this.#gone(`could not be started: ${error.message}`))
    // What it said last may still be in its pipes, and what it has started may hold those open.
    this.#process.once('exit', () => deadline(() => this.#gone(this.#reason()), DRAIN_MS))
    this.#process.once('close', () => this.#gone(this.#reason()))
    const [, stdout, stderr, control] = this.#process.stdio as unknown as (Socket | undefined)[]
    this.#control = control ?? null
    if (stdout !== undefined) forward(quiet(stdout), process.stdout)
    if (stderr !== undefined) {
      forward(quiet(stderr), process.stderr)
      stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk))
    }
    if (control !== undefined) this.#listen(quiet(control))
    this.#send({ type: 'prepare', preparation: { preload: options.preload, execArgv: options.execArgv } })
  }

  /** @throws Error if the descriptors cannot be sent now: too many are on their way. */
  fork(generation: number, descriptors: Descriptors): void {
    this.#addon.sendDescriptors(this.#packets, generation, ...descriptors)
    this.#send({ type: 'fork', generation })
  }

  /** It ends by itself, with the children it has left. */
  end(): void {
    this.#control?.destroy()
  }

  kill(why: string): void {
    this.#why ??= why
    if (this.pid !== null && !this.#isGone) this.#process.kill('SIGKILL')
  }

  #listen(control: Socket): void {
    const reader = new FrameReader(MAX_FAILURE_BYTES)
    control.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk, (frame) => this.#listener.report(readFromForkServer(frame)))
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
        control.removeAllListeners('data').resume()
        this.kill(`broke the protocol: ${error.message}`)
        // At once: a child that it has forked meanwhile is not to count as started.
        this.#gone(this.#reason())
      }
    })
  }

  #send(order: ToForkServer): void {
    this.#out.add(frameToForkServer(order))
    for (const part of this.#out.take()) if (this.#control?.writable) this.#control.write(part)
  }

  #reason(): string {
    if (this.#why !== null) return this.#why
    const { exitCode, signalCode } = this.#process
    const said = this.#stderr.toString().trim().split('\n').at(-1) ?? ''
    return `ended with ${signalCode ?? `exit code ${exitCode}`}${said === '' ? '' : `: ${said.slice(0, 300)}`}`
  }

  #gone(reason: string): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#control?.destroy()
    this.#addon.closeDescriptor(this.#packets)
    this.#listener.gone(reason)
  }
}

/** What it told of a failure, as an error. */
export function errorOf(told: unknown): Error {
  const failure: Failure = readFailure(told)
  const { name, message, stack, code } = failure
  return Object.assign(new Error(message), { name, stack: stack ?? undefined }, code === null ? {} : { code })
}

function quiet(socket: Socket): Socket {
  socket.unref()
  return socket.on('error', () => {})
}

function launch({ execArgv, env }: ServerOptions, packets: number): ChildProcess {
  // The last word on a flag counts, and this is not the user's to choose.
  const args = [...execArgv, ...FLAGS, ENTRY, String(process.pid)]
  return spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', packets],
    detached: true,
    env,
  })
}

/**
 * A fork waits until V8's threads rest, and brings each along: there is to be one. Node 22 and newer can do without one
 * thread more. No flag of V8's is among them, because Node's own code, compiled beforehand, is of use to a V8 without
 * flags only: with `--single-threaded` all of it would be compiled again as it is called.
 */
const FLAGS = [
  '--v8-pool-size=1',
  ...['--disable-sigusr1'].filter((flag) => process.allowedNodeEnvironmentFlags.has(flag)),
]
const ENTRY = fileURLToPath(new URL('./server/main.js', import.meta.url))
const DRAIN_MS = 1_000
