/** Python's kombu, kept at hand for the length of a test file: a question is a line, and so is the answer. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
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

  async has(module: string): Promise<boolean> {
    return (await this.ask({ ask: 'has', module })).has === true
  }

  end(): void {
    this.#process.kill('SIGKILL')
  }
}

/** Why kombu cannot be asked here, `false` where it can: what `skip` of a test takes. */
export function whyNoPython(): string | false {
  const has = existsSync(PYTHON) && existsSync('/usr/lib/python3/dist-packages/kombu')
  return has ? false : 'python3-kombu is not installed: nothing is compared with kombu'
}
