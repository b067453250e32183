/** Programs run in processes of their own; nothing that they started is left behind. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Family, killFamily, MARK } from './processes.ts'

export interface ProgramEnd {
  /** Of its standard output, without empty ones. */
  readonly lines: readonly string[]
  /** The last it wrote to its standard error. */
  readonly errors: string
  /** `exit code 0`, `SIGKILL`, ... or that it overran its deadline. */
  readonly end: string
}

export interface Program {
  readonly family: Family
  readonly ended: Promise<ProgramEnd>
}

let programs = 0
const families = new Set<Family>()
let isListening = false

/** Whoever starts it calls {@link endProgram} at the end. */
export function startProgram(file: URL, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const mark = `${process.pid}.${++programs}`
  const child = spawn(process.execPath, [fileURLToPath(file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, [MARK]: mark },
    detached: true,
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-ERROR_CHARS)))
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.on('error', reject)
    // Not 'close': children that outlive it may hold its pipes. What it wrote itself is there after one more turn.
    child.on('exit', (code, signal) =>
      setImmediate(() => {
        const lines = output.split('\n').filter((line) => line !== '')
        resolve({ lines, errors, end: signal ?? `exit code ${code}` })
        child.stdout.destroy()
        child.stderr.destroy()
      }),
    )
  })
  const family = { pid: child.pid as number, mark }
  listenForEnd()
  families.add(family)
  return { family, ended }
}

/** Kills what is left of it. */
export function endProgram({ family }: Program): void {
  killFamily(family)
  families.delete(family)
}

/** Runs it to its end, or to a deadline. */
export async function runProgram(
  file: URL,
  args: readonly string[],
  { deadlineMs, env }: { readonly deadlineMs: number; readonly env?: NodeJS.ProcessEnv },
): Promise<ProgramEnd> {
  const program = startProgram(file, args, env)
  let overran = false
  const timer = setTimeout(() => {
    overran = true
    killFamily(program.family)
  }, deadlineMs)
  try {
    const end = await program.ended
    return overran ? { ...end, end: `not done after ${deadlineMs / 1_000} s` } : end
  } finally {
    clearTimeout(timer)
    endProgram(program)
  }
}

/** Sessions of their own, they do not hear of it when this process is told to end. */
function listenForEnd(): void {
  if (isListening) return
  isListening = true
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const family of families) killFamily(family)
      process.exit(1)
    })
  }
}

const ERROR_CHARS = 8_192
