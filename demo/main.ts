/**
 * The main job on real input: one task per file of a folder, a child and then the worker killed in the middle, and a
 * proof at the end that everything sent was settled.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type AsyncResult, isCaromError } from '../src/index.ts'
import { listFiles } from './files.ts'
import { Ledger } from './ledger.ts'
import { mib, Progress } from './progress.ts'
import { type Proof, prove } from './proof.ts'
import { type Kill, Strikes } from './strikes.ts'
import { app, type FileFacts, inspectFile } from './tasks.ts'
import { WorkerProcess } from './worker-process.ts'

const MAX_FILES = 20_000
const BATCH = 500
// A run in which nothing ends for this long has failed.
const STALLED_MS = 60_000
const SHOWN = 5

const folder = resolve(process.argv[2] ?? 'node_modules')
if (!existsSync(folder) || !statSync(folder).isDirectory()) refuse(`There is no folder ${folder}`)
const files = listFiles(folder, MAX_FILES)
if (files.paths.length === 0) refuse(`${folder} holds no files: name a folder that does, as in: npm run demo -- FOLDER`)
process.exitCode = await runDemo()

async function runDemo(): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'carom-demo-'))
  process.env.CAROM_BROKER_URL = `embedded:${join(home, 'demo.sqlite')}`
  process.env.CAROM_DEMO_LEDGER = join(home, 'ledger.log')
  const ledger = new Ledger(process.env.CAROM_DEMO_LEDGER)
  const concurrency = availableParallelism()
  console.log(
    `${files.paths.length} files (${mib(files.bytes)}) of ${folder}${files.cut ? `, the first ${MAX_FILES}` : ''}`,
  )
  console.log(
    `One task for each, one worker with ${concurrency} children; a child and then the worker will be killed\n`,
  )
  let worker = new WorkerProcess(concurrency, process.env)
  try {
    const startedAtMs = performance.now()
    const handles = await send()
    const kills = await watch(
      ledger,
      handles,
      () => worker,
      (next) => (worker = next),
      concurrency,
    )
    const { settled, failed } = await collect(handles)
    const elapsedMs = performance.now() - startedAtMs
    const exitCode = await worker.stop()
    ledger.read()
    const sent = new Map([...handles].map(([id, { path }]) => [id, path]))
    const proof = prove(sent, settled, failed, ledger, kills)
    report(ledger, settled, failed, kills, proof, elapsedMs, exitCode)
    return proof.problems.length === 0 && exitCode === 0 ? 0 : 1
  } finally {
    if (!worker.ended) await worker.kill()
    await app.close()
    ledger.close()
    rmSync(home, { recursive: true, force: true })
  }
}

type Handles = Map<string, { readonly path: string; readonly result: AsyncResult<FileFacts> }>

async function send(): Promise<Handles> {
  const handles: Handles = new Map()
  for (let at = 0; at < files.paths.length; at += BATCH) {
    const paths = files.paths.slice(at, at + BATCH)
    const results = await inspectFile.applyMany(paths.map((path) => [path] as [string]))
    for (const [index, result] of results.entries()) handles.set(result.id, { path: paths[index] as string, result })
  }
  return handles
}

/** Shows how far the worker is, and strikes: a child after a third of the files, the worker after two thirds. */
async function watch(
  ledger: Ledger,
  handles: Handles,
  worker: () => WorkerProcess,
  replace: (next: WorkerProcess) => void,
  concurrency: number,
): Promise<Kill[]> {
  const progress = new Progress()
  const isSettled = async (taskId: string) => (await handles.get(taskId)?.result.ready()) !== false
  const strikes = new Strikes(ledger, progress, isSettled)
  const { kills } = strikes
  const total = files.paths.length
  let [lastEnded, movedAtMs] = [0, performance.now()]
  while (ledger.ended < total) {
    await pause(20)
    ledger.read()
    progress.show({ done: ledger.ended, total, bytes: ledger.bytes, note: '' })
    if (ledger.ended > lastEnded) [lastEnded, movedAtMs] = [ledger.ended, performance.now()]
    if (worker().ended) throw new Error(`The worker ended by itself:\n${worker().log}`)
    if (performance.now() - movedAtMs > STALLED_MS) throw new Error(`Nothing has ended for a minute:\n${worker().log}`)
    if (kills.length === 0 && ledger.ended >= total / 3) await strikes.child()
    else if (kills.length === 1 && ledger.ended >= (total * 2) / 3) {
      await strikes.worker(worker())
      replace(new WorkerProcess(concurrency, process.env))
      progress.say('  started the worker again')
    }
  }
  progress.show({ done: total, total, bytes: ledger.bytes, note: '' })
  console.log('\n')
  return kills
}

interface Collected {
  readonly settled: Map<string, FileFacts>
  /** A file that is gone or cannot be read fails its task; that is an outcome like another. */
  readonly failed: Map<string, Error>
}

async function collect(handles: Handles): Promise<Collected> {
  const settled = new Map<string, FileFacts>()
  const failed = new Map<string, Error>()
  for (const [id, { result }] of handles) {
    try {
      settled.set(id, await result.get({ timeoutMs: STALLED_MS }))
    } catch (error) {
      if (!isCaromError(error, 'CAROM_TASK_FAILED')) throw error
      failed.set(id, error)
    }
  }
  return { settled, failed }
}

function report(
  ledger: Ledger,
  settled: ReadonlyMap<string, FileFacts>,
  failed: ReadonlyMap<string, Error>,
  kills: readonly Kill[],
  proof: Proof,
  elapsedMs: number,
  exitCode: number | null,
): void {
  const facts = [...settled.values()]
  const sum = (pick: (fact: FileFacts) => number) => facts.reduce((total, fact) => total + pick(fact), 0)
  const perChild = new Map<number, number>()
  for (const run of [...ledger.runs.values()].flat()) perChild.set(run.pid, (perChild.get(run.pid) ?? 0) + 1)
  console.log(`files             ${facts.length}`)
  console.log(`bytes             ${sum(({ bytes }) => bytes)} (gzip ${sum(({ gzipBytes }) => gzipBytes)})`)
  console.log(`lines             ${sum(({ lines }) => lines)}`)
  console.log(`files per second  ${Math.round(facts.length / (elapsedMs / 1000))}`)
  console.log(`jobs per child    ${[...perChild].map(([pid, jobs]) => `${pid}: ${jobs}`).join(', ')}`)
  console.log(`deaths            ${kills.map(({ what, pid }) => `${what} (pid ${pid}, SIGKILL)`).join(', ')}`)
  console.log(`re-runs           ${proof.reruns.length}`)
  for (const { taskId, runs, cause } of proof.reruns) console.log(`  ${taskId} ran ${runs} times: ${cause}`)
  console.log(`digests           ${proof.sampled} compared with sha256sum`)
  for (const error of [...failed.values()].slice(0, SHOWN)) console.log(`failed            ${error.message}`)
  if (failed.size > SHOWN) console.log(`failed            and ${failed.size - SHOWN} more`)
  if (exitCode !== 0) console.log(`worker            ended with exit code ${exitCode}`)
  console.log(proof.problems.length === 0 ? '\nEverything sent was settled.' : `\n${proof.problems.join('\n')}\nFAILED`)
}

function refuse(text: string): never {
  console.error(text)
  process.exit(2)
}
