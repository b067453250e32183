// The addon of native/: compiled where there is a C compiler, and laid beside the code that loads it. Its file is named as
// node-gyp-build names them, so that a release can hold those of several machines.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesUnder } from './source.mjs'
import { Refusal, root } from './steps.mjs'

const PREBUILDS = join(root, 'prebuilds')
const FLAGS = ['-shared', '-fPIC', '-std=c11', '-O2', '-Wall', '-Wextra', '-Wpedantic', '-Werror']

/** Compiles it for this machine, or says in one line why not; what was compiled before or elsewhere is kept. */
export function buildAddon() {
  const sources = filesUnder(root, 'native', '.c')
  if (sources.length === 0) return
  const reason = whyNot()
  if (reason !== null) return console.log(`The addon is not compiled: ${reason}. Children can be started by spawn only`)
  const folder = join(PREBUILDS, `linux-${process.arch}`)
  mkdirSync(folder, { recursive: true })
  const args = [...FLAGS, `-I${headers()}`, ...sources, '-o', join(folder, 'carom.napi.glibc.node')]
  const { status, stderr } = spawnSync(compiler(), args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Refusal(`The addon does not compile:\n${stderr}`)
}

/** Into `output`, dist/ for one; the compiler of TypeScript has emptied it before. */
export function layAddon(output) {
  if (existsSync(PREBUILDS)) cpSync(PREBUILDS, join(root, output, 'prebuilds'), { recursive: true })
}

function whyNot() {
  if (process.platform !== 'linux') return 'it is for Linux'
  if (!existsSync(join(headers(), 'node_api.h'))) return `there are no headers of Node in ${headers()}`
  if (spawnSync(compiler(), ['--version']).status !== 0) return 'there is no C compiler'
  // A compiler may come without the headers of the C library.
  const { status } = spawnSync(compiler(), ['-fsyntax-only', '-x', 'c', '-'], { input: '#include <sys/socket.h>\n' })
  return status === 0 ? null : 'the C compiler lacks the headers of the C library'
}

function headers() {
  return join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node')
}

function compiler() {
  return process.env.CC ?? 'cc'
}
