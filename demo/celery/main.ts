/**
 * Python and TypeScript on one Redis: a Python client calls a TypeScript task for every file of a folder, a TypeScript
 * client calls a Python task, and a child, the worker and Redis are killed and started again in the middle. At the end
 * what was sent is held against what was settled.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Carom, type RemoteTask } from '../../src/index.ts'
import { listFiles } from '../files.ts'
import { Ledger } from '../ledger.ts'
import { Progress } from '../progress.ts'
import { type Proof, prove } from '../proof.ts'
import { Strikes } from '../strikes.ts'
import type { FileFacts } from '../tasks.ts'
import { WorkerProcess } from '../worker-process.ts'
import { findPython, type PythonClient, RedisServer, startCelery, startClient } from './servers.ts'

const MAX_FILES = 1_500
const PYTHON_CALLS = 100
const STALLED_MS = 60_000

const folder = resolve(process.argv[2] ?? 'node_modules')
if (!existsSync(folder) || !statSync(folder).isDirectory()) refuse(`There is no folder ${folder}`)
const interpreter =
  findPython() ?? refuse('No Python with Celery: apt-get install python3-celery python3-redis redis-server')
const { paths, cut } = listFiles(folder, MAX_FILES)
if (paths.length === 0)
  refuse(`${folder} holds no files: name a folder that does, as in: npm run demo:celery -- FOLDER`)
process.exitCode = await runDemo()

async function runDemo(): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'carom-demo-'))
  const server = new RedisServer(home)
  await server.start()
  process.env.CAROM_BROKER_URL = server.url
  process.env.CAROM_DEMO_LEDGER = join(home, 'ledger.log')
  const ledger = new Ledger(process.env.CAROM_DEMO_LEDGER)
  const app = new Carom('client')
  const countWords = app.remoteTask<(path: string) => number>('shop.countWords', { queue: 'python' })
  const stage: Stage = { server, workers: [startWorker()], celery: startCelery(interpreter, process.env) }
  console.log(`${paths.length} files of ${folder}${cut ? `, the first ${MAX_FILES}` : ''}`)
  console.log('Python calls a TypeScript task for each; TypeScript calls a Python task; all by one Redis\n')
  const client = startClient(interpreter, paths, process.env)
  try {
    const startedAtMs = performance.now()
    const before = countAll(countWords, paths.slice(0, PYTHON_CALLS))
    const sent = await client.sent
    const strikes = new Strikes(ledger, new Progress(), async (id) => app.result(id).ready())
    await watch(ledger, strikes, stage, before)
    const settled = await client.ended
    const counts = [...(await before), ...(await countAll(countWords, paths.slice(-PYTHON_CALLS)))]
    const elapsedMs = performance.now() - startedAtMs
    const exitCode = await worker(stage).stop()
    ledger.read()
    const { values, failed } = split(settled)
    const proof = prove(sent, values, failed, ledger, strikes.kills)
    report({ settled: values, failed, strikes, proof, elapsedMs, counts, exitCode })
    return proof.problems.length === 0 && exitCode === 0 ? 0 : 1
  } finally {
    await stopAll(client, stage)
    await app.close()
    await server.kill()
    ledger.close()
    rmSync(home, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** What runs, and is killed and started again. */
interface Stage {
  readonly server: RedisServer
  /** The last is the one that runs. */
  readonly workers: WorkerProcess[]
  celery: ReturnType<typeof startCelery>
}

/** A quarter of the files each: then a child, the worker, and Redis. */
async function watch(ledger: Ledger, strikes: Strikes, stage: Stage, python: Promise<unknown>): Promise<void> {
  const progress = new Progress()
  const total = paths.length
  let [lastEnded, movedAtMs] = [0, performance.now()]
  while (ledger.ended < total) {
    await pause(20)
    ledger.read()
    progress.show({ done: ledger.ended, total, bytes: ledger.bytes, note: '' })
    if (ledger.ended > lastEnded) [lastEnded, movedAtMs] = [ledger.ended, performance.now()]
    const { ended, log } = worker(stage)
    if (ended) throw new Error(`The worker ended by itself:\n${log}`)
    if (performance.now() - movedAtMs > STALLED_MS) throw new Error(`Nothing has ended for a minute:\n${log}`)
    if (ledger.ended < ((strikes.kills.length + 1) * total) / 4) continue
    await strike(strikes, stage, python, progress)
  }
  progress.show({ done: total, total, bytes: ledger.bytes, note: '' })
  console.log('\n')
}

async function strike(strikes: Strikes, stage: Stage, python: Promise<unknown>, progress: Progress): Promise<void> {
  switch (strikes.kills.length) {
    case 0:
      await strikes.child()
      break
    case 1:
      await strikes.worker(worker(stage))
      stage.workers.push(startWorker())
      progress.say('  started the worker again')
      break
    case 2:
      // A Celery worker can lose what it runs when Redis goes, and Celery 5.2 consumes nothing afterwards.
      await python
      await strikes.redis(stage.server.pid, () => restart(stage.server))
      await stage.celery.stop()
      stage.celery = startCelery(interpreter, process.env)
      progress.say('  started Redis again, and the Celery worker, which would not go on by itself')
  }
}

async function restart(server: RedisServer): Promise<void> {
  await server.kill()
  await server.start()
}

/** A short lease: what the killed worker had claimed is to be back soon. */
function startWorker(): WorkerProcess {
  return new WorkerProcess(availableParallelism(), process.env, ['--lease', '5s'])
}

function worker({ workers }: Stage): WorkerProcess {
  return workers.at(-1) as WorkerProcess
}

async function countAll(countWords: RemoteTask<(path: string) => number>, some: readonly string[]): Promise<number[]> {
  const results = await countWords.applyMany(some.map((path) => [path] as [string]))
  return Promise.all(results.map((result) => result.get({ timeoutMs: STALLED_MS })))
}

function split(settled: ReadonlyMap<string, unknown>) {
  const values = new Map<string, FileFacts>()
  const failed = new Map<string, Error>()
  for (const [id, value] of settled) {
    if (value instanceof Error) failed.set(id, value)
    else values.set(id, value as FileFacts)
  }
  return { values, failed }
}

interface Report {
  readonly settled: ReadonlyMap<string, FileFacts>
  readonly failed: ReadonlyMap<string, Error>
  readonly strikes: Strikes
  readonly proof: Proof
  readonly elapsedMs: number
  readonly counts: readonly number[]
  readonly exitCode: number | null
}

function report({ settled, failed, strikes, proof, elapsedMs, counts, exitCode }: Report): void {
  const words = counts.reduce((sum, count) => sum + count, 0)
  console.log(
    `Python called     ${settled.size} TypeScript tasks, ${failed.size} of which failed, and read their results`,
  )
  console.log(`TypeScript called ${counts.length} Python tasks, which counted ${words} words`)
  console.log(`took              ${(elapsedMs / 1000).toFixed(1)} s`)
  console.log(`deaths            ${strikes.kills.map(({ what, pid }) => `${what} (pid ${pid}, SIGKILL)`).join(', ')}`)
  console.log(`re-runs           ${proof.reruns.length}`)
  for (const { taskId, runs, cause } of proof.reruns) console.log(`  ${taskId} ran ${runs} times: ${cause}`)
  console.log(`digests           ${proof.sampled} compared with sha256sum`)
  for (const error of [...failed.values()].slice(0, 5)) console.log(`failed            ${error.message}`)
  if (exitCode !== 0) console.log(`worker            ended with exit code ${exitCode}`)
  console.log(proof.problems.length === 0 ? '\nEverything sent was settled.' : `\n${proof.problems.join('\n')}\nFAILED`)
}

async function stopAll(client: PythonClient, { workers, celery }: Stage): Promise<void> {
  await client.stop()
  for (const one of workers) if (!one.ended) await one.kill()
  await celery.stop()
}

function refuse(text: string): never {
  console.error(text)
  process.exit(2)
}
