/** Workers in processes of their own: programs of `fixtures/` that print "ready" and end with their parent's pipe. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Worker } from './system.ts'

export async function startProcess(
  fixture: string,
  args: readonly (string | number)[],
  env: NodeJS.ProcessEnv = {},
): Promise<Worker> {
  const file = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let errors = ''
  child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-ERROR_CHARS)))
  const [end] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  if (typeof end === 'number' || end === null) {
    const why = errors.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? errors
    throw new Error(`its worker ended before it was ready: ${why.trim()}`)
  }
  return {
    pid: child.pid as number,
    stop: () => {
      const exited = once(child, 'exit')
      child.stdin.end()
      return exited
    },
  }
}

const ERROR_CHARS = 8_192
