/** A project as a reader of the documents would have it: the package installed, their files, their commands. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)))

/** Node reads TypeScript by itself from 22.18 on; before, the reader compiles first and names the `.js` files. */
const READS_TYPESCRIPT = Boolean((process.features as { readonly typescript?: unknown }).typescript)

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'carom-docs-'))
  readonly #background: ChildProcess[] = []
  readonly #exported = new Map<string, string>()
  #compiled = true

  constructor() {
    const modules = join(this.folder, 'node_modules')
    mkdirSync(join(modules, '.bin'), { recursive: true })
    mkdirSync(join(modules, '@types'))
    symlinkSync(ROOT, join(modules, 'carom'))
    symlinkSync(join(ROOT, 'dist/cli/main.js'), join(modules, '.bin/carom'))
    for (const name of ['zod', '@types/node']) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    // A reader has Celery in the Python that they call; another one may come first on the PATH here.
    if (existsSync(PYTHON)) symlinkSync(PYTHON, join(modules, '.bin/python3'))
    this.write('package.json', '{ "name": "reader", "type": "module", "private": true }\n')
    this.write('tsconfig.json', JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true })
    writeFileSync(join(this.folder, name), READS_TYPESCRIPT ? text : forCompiled(text))
    if (name.endsWith('.ts')) this.#compiled = false
  }

  /**
   * Runs one line of a shell block and gives what it printed; of a background command, nothing. What a line exports
   * counts for all that follow.
   */
  async run(command: string): Promise<string> {
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(command) ?? []
    if (name !== undefined && value !== undefined) {
      this.#exported.set(name, value)
      return ''
    }
    this.#compile()
    // What npx finds in node_modules/.bin is on the PATH below.
    const local = command.replace(/^((?:\w+=\S+ )*)npx carom\b/, '$1carom')
    const line = READS_TYPESCRIPT ? local : local.replace(/(\S)\.ts\b/g, '$1.js')
    const background = / &$/.test(line)
    const child = spawn('bash', ['-c', background ? line.replace(/^((?:\w+=\S+ )*)(.*) &$/, '$1exec $2') : line], {
      cwd: this.folder,
      detached: true,
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: '1',
        ...Object.fromEntries(this.#exported),
        PATH: `${join(this.folder, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
      },
      stdio: ['ignore', background ? 'ignore' : 'pipe', background ? 'ignore' : 'pipe'],
    })
    if (background) {
      this.#background.push(child)
      return ''
    }
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), COMMAND_MS)
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    clearTimeout(timer)
    if (code !== 0) throw new Error(`"${line}" ended with ${signal ?? `exit code ${code}`}:\n${output}`)
    return output
  }

  /** Ends what runs in the background as a terminal would, the last first, and removes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#background.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), END_MS)
      await exited
      clearTimeout(timer)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  #compile(): void {
    if (this.#compiled) return
    this.#compiled = true
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler], { cwd: this.folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(`What the document shows does not compile:\n${stdout}`)
  }
}

/** The compiler renames what is imported, but not what is only named. */
function forCompiled(text: string): string {
  return text.replace(/new URL\('([^']+)\.ts'/g, "new URL('$1.js'")
}

/** Debian's own, for which `python3-celery` is. */
const PYTHON = '/usr/bin/python3'
const COMMAND_MS = 20_000
const END_MS = 10_000
const COMPILER_OPTIONS = {
  target: 'es2022',
  module: 'nodenext',
  types: ['node'],
  strict: true,
  erasableSyntaxOnly: true,
  rewriteRelativeImportExtensions: true,
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'ARCHITECTURE.md'))) return folder
  return findRoot(dirname(folder))
}
