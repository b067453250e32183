// What the scripts share: where the project is, how they run a program, and how they say what they do and how long it took.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Something the reader can act on: printed as one line, without a stack. */
export class Refusal extends Error {}

/** Runs a program in the foreground and throws a {@link Refusal} when it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) throw new Refusal(`Cannot run ${command}: ${error.message}`)
  if (status !== 0) throw new Refusal(`${[command, ...args].join(' ')} ended with ${signal ?? `exit code ${status}`}`)
}

/** Does `work` under a headline and prints its time. */
export async function step(title, work) {
  console.log(`\n== ${title}`)
  const startedMs = performance.now()
  await work()
  console.log(`== ${title}: ${seconds(performance.now() - startedMs)}`)
}

/** The body of a script: its exit code is 1 as soon as something throws. */
export async function main(body) {
  try {
    await body()
  } catch (error) {
    console.error(error instanceof Refusal ? `\n${error.message}` : error)
    process.exitCode = 1
  }
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`
}
