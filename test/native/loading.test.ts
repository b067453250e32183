/** How the addon is found, and what is said where it cannot be had. Each case has a folder and a process of its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findAddon } from '../../src/native/addon.ts'
import { whyNotLoaded } from '../../src/native/addon-file.ts'

const found = findAddon()
const skip = found.addon === null ? found.reason : false
const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url))
const HERE = `prebuilds/linux-${process.arch}`
const FILE = `${HERE}/carom.napi.glibc.node`
const OTHER = process.arch === 'x64' ? 'arm64' : 'x64'

interface Change {
  readonly folder: (folder: string) => void
  readonly env?: NodeJS.ProcessEnv
}

/** What a process finds beside a copy of the code that loads it; `folder` changes what is there. */
function findIn(
  t: TestContext,
  { folder: change, env = {} }: Change,
): { addon: unknown; file?: string; reason?: string } {
  const folder = mkdtempSync(join(tmpdir(), 'carom-addon-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const part of ['native', HERE]) cpSync(join(SOURCE, part), join(folder, 'src', part), { recursive: true })
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(SOURCE, '../..', name), join(folder, name))
  change(join(folder, 'src'))
  const code = `const { findAddon } = await import(${JSON.stringify(pathToFileURL(join(folder, 'src/native/addon.js')))})
    const found = findAddon()
    console.log(JSON.stringify({ ...found, addon: found.addon && Object.keys(found.addon) }))`
  const args = ['--input-type=module', '-e', code]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  assert.ok(stdout.endsWith('}\n'), stderr)
  return JSON.parse(stdout) as ReturnType<typeof findIn>
}

test('The addon is the one beside the code that loads it', { skip }, (t) => {
  const { addon, file } = findIn(t, { folder: () => {} })
  assert.ok((addon as string[]).includes('fork'))
  assert.match(file as string, /carom-addon-\w+\/src\/prebuilds\/linux-\w+\/carom\.napi\.glibc\.node$/)
})

for (const [what, reason, change] of [
  [
    'there is none at all',
    new RegExp(`^there is no addon for linux-${process.arch} with glibc$`),
    { folder: (folder) => rmSync(join(folder, 'prebuilds'), { recursive: true }) },
  ],
  [
    'there is one for other machines only',
    new RegExp(`^there is no addon for linux-${process.arch} with glibc, only for linux-${OTHER} with glibc$`),
    { folder: (folder) => renameSync(join(folder, HERE), join(folder, `prebuilds/linux-${OTHER}`)) },
  ],
  [
    'the C library is another',
    new RegExp(`^there is no addon for linux-${process.arch} with musl, only for linux-${process.arch} with glibc$`),
    { folder: () => {}, env: { LIBC: 'musl' } },
  ],
  [
    'the file is for another machine',
    new RegExp(`cannot be loaded: /.*\\.node is for ${OTHER}, and this Node for ${process.arch}$`),
    { folder: (folder) => makeForOther(join(folder, FILE)) },
  ],
  [
    'the file is not whole',
    /cannot be loaded: \/.*\.node: file too short$/,
    { folder: (folder) => writeFileSync(join(folder, FILE), 'half of it') },
  ],
  [
    'it is of another version',
    /cannot be loaded: \/.*\.node is of another version of Carom, and lacks .*dieWithParent/,
    { folder: (folder) => cpSync(strangeAddon(), join(folder, FILE)) },
  ],
  [
    'Node is told to load none',
    /cannot be loaded: .*disabled$/,
    { folder: () => {}, env: { NODE_OPTIONS: '--no-addons' } },
  ],
] as readonly [string, RegExp, Change][]) {
  test(`One line says that ${what}`, { skip }, (t) => {
    const { addon, reason: text } = findIn(t, change)
    assert.equal(addon, null)
    assert.match(text as string, reason)
  })
}

test('A C library that node-gyp-build does not know of is named where loading fails', { skip }, (t) => {
  process.env.LIBC = 'musl'
  t.after(() => delete process.env.LIBC)
  const { file } = found as { readonly file: string }
  const error = new Error(`Error relocating ${file}: gnu_get_libc_version: symbol not found`)
  assert.equal(whyNotLoaded(file, error), `${file} is for glibc, and this Node runs with musl`)
})

/** The number of the machine stands in the header. */
function makeForOther(file: string): void {
  const bytes = readFileSync(file)
  bytes.writeUInt16LE(OTHER === 'arm64' ? 183 : 62, 18)
  writeFileSync(file, bytes)
}

/** Any other addon that can be loaded. */
function strangeAddon(): string {
  const libsql = dirname(fileURLToPath(import.meta.resolve('libsql')))
  return join(libsql, `../@libsql/linux-${process.arch}-gnu/index.node`)
}
