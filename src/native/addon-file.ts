/** Where the addon lies, and, where it cannot be had, why: the loader's own words would mislead. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

interface NodeGypBuild {
  /** The file for this machine in `prebuilds/` of that folder. Throws where there is none. */
  resolve(folder: string): string
}

/** `null` if there is none for this machine. */
export function findAddonFile(): string | null {
  const { resolve } = createRequire(import.meta.url)('node-gyp-build') as NodeGypBuild
  try {
    return resolve(FOLDER)
  } catch {
    return null
  }
}

export function whyNoFile(): string {
  const had = prebuilds()
  const others = had.length === 0 ? '' : `, only for ${had.join(' and ')} with glibc`
  return `there is no addon for ${process.platform}-${process.arch} with ${libc()}${others}`
}

/** `error` is what loading the file has thrown. */
export function whyNotLoaded(file: string, error: Error): string {
  // The system's loader says of another machine's file that it does not exist.
  const machine = machineOf(file)
  if (machine !== null && machine !== process.arch)
    return `${file} is for ${machine}, and this Node for ${process.arch}`
  if (libc() === 'musl') return `${file} is for glibc, and this Node runs with musl`
  return error.message.split('\n')[0]?.replace(/\.$/, '') ?? ''
}

function prebuilds(): string[] {
  try {
    return readdirSync(`${FOLDER}prebuilds`)
  } catch {
    return []
  }
}

/** As node-gyp-build has it, and where it does not look: musl is not Alpine's alone. */
function libc(): string {
  return process.env.LIBC ?? (/\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1')) ? 'musl' : 'glibc')
}

/** Of an ELF file of a machine that is known here, as Node calls it. */
function machineOf(file: string): string | null {
  const header = Buffer.alloc(20)
  try {
    const fd = openSync(file, 'r')
    readSync(fd, header)
    closeSync(fd)
  } catch {
    return null
  }
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return null
  return MACHINES.get(header.readUInt16LE(18)) ?? null
}

const FOLDER = fileURLToPath(new URL('../', import.meta.url))
const MACHINES: ReadonlyMap<number, string> = new Map([
  [3, 'ia32'],
  [40, 'arm'],
  [62, 'x64'],
  [183, 'arm64'],
])
