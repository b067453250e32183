/** Python's kombu, kept at hand for the length of a test file: a question is a line, and so is the answer. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from './wire-fixtures.ts'

/** Debian's own: another Python on the PATH does not see the packages of the system. */
const PYTHON = '/usr/bin/python3'

export interface Answer {
  readonly error?: string
  readonly [field: string]: unknown
}

export class Python {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #waiting: ((line: string) => void)[] = []

  constructor() {
    this.#process = spawn(PYTHON, ['-W', 'ignore', join(projectRoot(), 'test/fixtures/python/kombu_wire.py')])
    this.#process.stderr.pipe(process.stderr)
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#waiting.shift()?.(line))
    this.#process.on('close', () => {
      for (const answered of this.#waiting.splice(0)) answered('{"error": "Python has ended"}')
    })
  }

  async ask(question: Readonly<Record<string, unknown>>): Promise<Answer> {
    const line = new Promise<string>((resolve) => this.#waiting.push(resolve))
    this.#process.stdin.write(`${JSON.stringify(question)}\n`)
    return JSON.parse(await line) as Answer
  }

  end(): void {
    this.#process.kill('SIGKILL')
  }
}

/** Why a test cannot be run here, `false` where it can: what `skip` of a test takes. */
export function lacking(...packages: readonly string[]): string | false {
  const missing = (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',')
  const needed = packages.filter((name) => missing.includes(name))
  return needed.length === 0 ? false : `${needed.join(', ')} is not installed: nothing is compared with it`
}
