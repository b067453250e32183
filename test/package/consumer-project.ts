/** A stranger's project: empty, with Carom installed from its packed tarball as npm would give it to anybody. */
import { type ExecFileException, execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Seen from the compiled file in build/test/package. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url))

const COMMAND_TIMEOUT_MS = 30_000

export interface Finished {
  readonly stdout: string
  readonly stderr: string
  readonly elapsedMs: number
}

export interface ConsumerProject {
  readonly folder: string
  /** Paths in the tarball. */
  readonly packed: readonly string[]
  write(path: string, text: string): void
  /** Runs a program in the project; rejects with its output unless it exits with 0. */
  run(program: string, args: readonly string[]): Promise<Finished>
  remove(): void
}

/** Packs dist/ as it is and installs the tarball with the versions of our lock file, without install scripts. */
export async function createConsumer(): Promise<ConsumerProject> {
  const folder = mkdtempSync(join(tmpdir(), 'carom-consumer-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
  const runHere = (program: string, args: readonly string[]) => run(program, args, folder)
  try {
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const [tarball] = JSON.parse((await run('npm', pack, projectRoot)).stdout) as [PackedTarball]
    writeManifests(write, tarball.filename)
    await runHere('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'])
    // The compilers look for Node's types beside the consumer's own modules.
    mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
    symlinkSync(join(projectRoot, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
    return { folder, packed: tarball.files.map(({ path }) => path), write, run: runHere, remove }
  } catch (error) {
    remove()
    throw error
  }
}

interface PackedTarball {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly dev?: boolean
  readonly [key: string]: unknown
}

function writeManifests(write: ConsumerProject['write'], tarball: string): void {
  const { packages } = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as Lock
  const consumer = { name: 'consumer', version: '1.0.0', dependencies: { carom: `file:${tarball}` } }
  const { version, dependencies, bin, engines } = packages[''] ?? {}
  const runtime = Object.entries(packages).filter(([path, entry]) => path !== '' && !entry.dev)
  const locked = {
    '': consumer,
    'node_modules/carom': { version, resolved: `file:${tarball}`, dependencies, bin, engines },
    ...Object.fromEntries(runtime),
  }
  write('package.json', JSON.stringify({ ...consumer, private: true, type: 'module' }))
  write('package-lock.json', JSON.stringify({ ...consumer, lockfileVersion: 3, requires: true, packages: locked }))
}

async function run(program: string, args: readonly string[], cwd: string): Promise<Finished> {
  const startedMs = performance.now()
  try {
    const env = { ...process.env, NODE_ENV: '', CAROM_BROKER_URL: '', CAROM_RESULT_BACKEND: '' }
    const output = await promisify(execFile)(program, args, { cwd, env, timeout: COMMAND_TIMEOUT_MS })
    return { ...output, elapsedMs: performance.now() - startedMs }
  } catch (error) {
    const { code, signal, stdout, stderr } = error as ExecFileException & { stdout: string; stderr: string }
    throw new Error(`${program} ${args.join(' ')} failed (${code ?? signal}):\n${stdout}${stderr}`)
  }
}
