// The addon of native/: compiled where there is a C compiler, and laid beside the code that loads it. Its file is named as
// node-gyp-build looks for it, so that a release can hold those of several machines.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesUnder } from './source.mjs'
import { Refusal, root } from './steps.mjs'

const PREBUILDS = join(root, 'prebuilds')
const FLAGS = ['-shared', '-fPIC', '-std=c11', '-O2', '-Wall', '-Wextra', '-Wpedantic', '-Werror']
/** By what Node calls the machine that the addon is for. */
const CROSS_COMPILERS = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' }

/** Compiles it for this machine, or says in one line why not; what was compiled before or elsewhere is kept. */
export function buildAddon() {
  if (sourceFiles().length === 0) return
  const reason = whyNoAddon()
  if (reason !== null) return console.log(`The addon is not compiled: ${reason}. Children can be started by spawn only`)
  compileAddon(prebuild(process.arch))
}

/** Compiles it for that machine, as for a release; Node's headers are the same for all. */
export function buildAddonFor(arch) {
  const known = Object.keys(CROSS_COMPILERS)
  if (!known.includes(arch)) throw new Refusal(`No addon is made for "${arch}"; there are: ${known.join(', ')}`)
  const cc = arch === process.arch ? compiler() : CROSS_COMPILERS[arch]
  const reason = whyNoAddon(cc)
  if (reason !== null) throw new Refusal(`The addon for ${arch} cannot be compiled: ${reason} (${cc})`)
  compileAddon(prebuild(arch), { cc })
}

/** `flags` and `sources` come on top of the usual ones. */
export function compileAddon(file, { cc = compiler(), flags = [], sources = [] } = {}) {
  mkdirSync(dirname(file), { recursive: true })
  const args = [...FLAGS, ...flags, `-I${headers()}`, ...sourceFiles(), ...sources, '-o', file]
  const { status, stderr } = spawnSync(cc, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Refusal(`The addon does not compile:\n${stderr}`)
}

/** Into `output`, dist/ for one; the compiler of TypeScript has emptied it before. */
export function layAddon(output) {
  if (existsSync(PREBUILDS)) cpSync(PREBUILDS, join(root, output, 'prebuilds'), { recursive: true })
}

/** In one line why it cannot be compiled; `null` if it can. */
export function whyNoAddon(cc = compiler()) {
  if (process.platform !== 'linux') return 'it is for Linux'
  if (!existsSync(join(headers(), 'node_api.h'))) return `there are no headers of Node in ${headers()}`
  if (spawnSync(cc, ['--version']).status !== 0) return 'there is no C compiler'
  // A compiler may come without the headers of the C library.
  const { status } = spawnSync(cc, ['-fsyntax-only', '-x', 'c', '-'], { input: '#include <sys/socket.h>\n' })
  return status === 0 ? null : 'the C compiler lacks the headers of the C library'
}

function sourceFiles() {
  return filesUnder(root, 'native', '.c')
}

function prebuild(arch) {
  return join(PREBUILDS, `linux-${arch}`, 'carom.napi.glibc.node')
}

function headers() {
  return join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node')
}

function compiler() {
  return process.env.CC ?? 'cc'
}
