/** The addon of `native/`: what forking needs of the system and Node does not offer. Not every machine has it. */
import { createRequire } from 'node:module'
import { findAddonFile, whyNoFile, whyNotLoaded } from './addon-file.ts'

/** File descriptors, pids and signals are the system's numbers. Each function throws an Error whose `code` is `EAGAIN` or the like. */
export interface Addon {
  /**
   * The child's pid, and in the child 0. Only where nothing but this thread uses V8: see `docs/internals/fork.md`. The
   * child leads a process group and is killed when this process dies.
   */
  fork(): number
  /** Ends the process at once. */
  exit(code: number): never
  /** `null` while the child lives; then it is reaped. Its exit code and its signal are 0 where they do not apply. */
  wait(pid: number): Wait | null
  /** From now on this process is killed when its parent dies. False if that is another than `parent` by now. */
  dieWithParent(parent: number): boolean
  /** Four random numbers of 32 bits, from the system. */
  randomWords(): [number, number, number, number]
  threads(): (readonly [id: number, name: string])[]
  socketPair(): [fd: number, fd: number]
  /** Each message stays one, and neither end waits. */
  packetPair(): [fd: number, fd: number]
  /** Copies of four descriptors, marked with a number, to the other end of a pair for packets. */
  sendDescriptors(socket: number, mark: number, ...fds: Descriptors): void
  /** `null` if there is nothing to be had now. */
  receiveDescriptors(socket: number): [mark: number, ...fds: Descriptors] | null
  /** `to` becomes what `from` was, and `from` is closed. */
  moveDescriptor(from: number, to: number): void
  /**
   * A descriptor of so much memory, all zero, which goes when nobody has it open or mapped any more. Nobody can make it
   * larger or smaller.
   */
  makeMemory(bytes: number): number
  /** Over that memory, the same for all who map it; the descriptor may be closed afterwards. */
  mapMemory(fd: number, bytes: number): ArrayBuffer
  /** Node's own `close` warns, in a Worker, of a descriptor that Node has not opened. */
  closeDescriptor(fd: number): void
}

export type Descriptors = [fd: number, fd: number, fd: number, fd: number]

export type Wait = readonly [
  exitCode: number,
  signal: number,
  userMicros: number,
  systemMicros: number,
  mostResidentBytes: number,
]

/** What the addon of this version has. One that was left by another version may have less. */
const FUNCTIONS: Readonly<Record<keyof Addon, true>> = {
  fork: true,
  exit: true,
  wait: true,
  dieWithParent: true,
  randomWords: true,
  threads: true,
  socketPair: true,
  packetPair: true,
  sendDescriptors: true,
  receiveDescriptors: true,
  moveDescriptor: true,
  makeMemory: true,
  mapMemory: true,
  closeDescriptor: true,
}

type Found = { readonly addon: Addon; readonly file: string } | { readonly addon: null; readonly reason: string }

let found: Found | undefined

/** The addon and its file, or in one line why there is none. Looked for once per thread. */
export function findAddon(): Found {
  found ??= process.platform === 'linux' ? load() : { addon: null, reason: 'fork works on Linux only' }
  return found
}

function load(): Found {
  const file = findAddonFile()
  if (file === null) return { addon: null, reason: whyNoFile() }
  try {
    const addon = createRequire(import.meta.url)(file) as Partial<Addon>
    const missing = Object.keys(FUNCTIONS).filter((name) => !(name in addon))
    if (missing.length === 0) return { addon: addon as Addon, file }
    return refused(`${file} is of another version of Carom, and lacks ${missing.join(', ')}`)
  } catch (error) {
    return refused(whyNotLoaded(file, error as Error))
  }
}

function refused(why: string): Found {
  return { addon: null, reason: `the addon cannot be loaded: ${why}` }
}
