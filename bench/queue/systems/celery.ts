/** Python's Celery, as Debian's `python3-celery` and `python3-redis` have it. Its sending side is a process of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Store } from '../stores/store.ts'
import type { Client, System } from './system.ts'

// Not compiled, so it is not in build/.
const FOLDER = fileURLToPath(new URL('../../../../bench/queue/fixtures', import.meta.url))
const PYTHONS = ['/usr/bin/python3', 'python3']
const VERSIONS = 'import celery, platform as p; print("Celery", celery.__version__, f"(Python {p.python_version()})")'
const ABSENT = 'not measured: no python3 here has celery (on Debian: apt-get install python3-celery python3-redis)'

/** What one worker takes ahead, for each child: Celery's default. 16 was no faster. */
export const PREFETCH_MULTIPLIER = 4

export const celery: System = {
  packageName: null,
  startWorker: async (store, { children }) => {
    const quiet = ['--without-gossip', '--without-mingle', '--without-heartbeat', '--loglevel', 'error']
    const pool = ['--pool', 'prefork', '--concurrency', String(children)]
    const args = ['-m', 'celery', '-A', 'celery_tasks', 'worker', ...pool, ...quiet]
    const child = spawn(python(), args, {
      cwd: FOLDER,
      stdio: ['ignore', 'ignore', 'ignore'],
      env: environmentOf(store),
    })
    return {
      pid: child.pid as number,
      stop: () => {
        child.kill('SIGTERM')
        return once(child, 'exit')
      },
    }
  },
  openClient: async (store) => {
    const client = spawn(python(), ['celery-client.py'], {
      cwd: FOLDER,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: environmentOf(store),
    })
    const answers = createInterface({ input: client.stdout })[Symbol.asyncIterator]()
    const answer = async () => {
      const { value, done } = await answers.next()
      if (done) throw new Error("Celery's sending side has ended")
      return JSON.parse(value) as { readonly value: unknown; readonly error?: string } | null
    }
    await answer()
    const command = async (...words: readonly unknown[]) => {
      client.stdin.write(`${JSON.stringify(words)}\n`)
      const given = await answer()
      if (given?.error !== undefined) throw new Error(given.error)
      return given?.value
    }
    return clientOf(command, () => {
      client.stdin.end()
      return once(client, 'exit')
    })
  },
}

/** Its name with the versions of both, where there is one. */
export function celeryName(): string | null {
  return find()?.name ?? null
}

function clientOf(
  command: (name: string, ...args: readonly unknown[]) => Promise<unknown>,
  close: () => Promise<unknown>,
): Client {
  return {
    sendEach: (count) => command('sendEach', count) as Promise<void>,
    sendMany: (task, count, value) => command('sendMany', task, count, value) as Promise<void>,
    sendIgnored: (count) => command('sendIgnored', count) as Promise<void>,
    results: () => command('results') as Promise<void>,
    startWaitsMs: (timesMs, workMs) => command('startWaits', timesMs, workMs) as Promise<number[]>,
    latenessMs: (count, delayMs) => command('lateness', count, delayMs) as Promise<number[]>,
    close,
  }
}

function environmentOf({ brokerUrl, resultUrl }: Store): NodeJS.ProcessEnv {
  return {
    ...process.env,
    BENCH_BROKER: brokerUrl,
    BENCH_RESULTS: resultUrl,
    BENCH_PREFETCH: process.env.BENCH_PREFETCH ?? String(PREFETCH_MULTIPLIER),
    PYTHONDONTWRITEBYTECODE: '1',
  }
}

function python(): string {
  const found = find()
  if (found === null) throw new Error(ABSENT)
  return found.python
}

interface Found {
  readonly python: string
  readonly name: string
}

let found: Found | null | undefined

/** The first python3 is not always the one that the system's packages are for. */
function find(): Found | null {
  if (found !== undefined) return found
  found = null
  for (const candidate of PYTHONS) {
    const { status, stdout } = spawnSync(candidate, ['-c', VERSIONS], { encoding: 'utf8' })
    if (status !== 0) continue
    found = { python: candidate, name: stdout.trim() }
    break
  }
  return found
}
