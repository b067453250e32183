/**
 * The embedded queue beside the bare pool: no-op tasks per second from enqueue to stored result and ack, the time from
 * enqueue to start of an idle worker, and what an idle worker costs. Rounds alternate; medians, with the range.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Pool } from '../../src/pool/index.ts'
import { writeBlock } from '../report.ts'
import { range, summary } from '../statistics.ts'

const ROUNDS = 5
const TASKS = 5_000
const BATCH = 500
const SAMPLES = 300
const IDLE_MS = 5_000
const TICK_MS = 10

const { values: flags } = parseArgs({ options: { json: { type: 'boolean' }, write: { type: 'boolean' } } })
const home = mkdtempSync(join(tmpdir(), 'carom-bench-'))
const durability = { full: 'every commit synced to disk', process: 'durability=process' } as const
const figures: Record<string, number[]> = {}

try {
  for (const name of ['full', 'process'] as const) await measureStore(name)
  await measurePool()
} finally {
  rmSync(home, { recursive: true, force: true })
}
report()

async function measureStore(name: keyof typeof durability): Promise<void> {
  const query = name === 'process' ? '?durability=process' : ''
  process.env.CAROM_BROKER_URL = `embedded:${join(home, `${name}.sqlite`)}${query}`
  // A fresh copy of the module, so that its app opens this store and not the one before.
  const { app, noop, startedAt } = (await import(`./tasks.js?${name}`)) as typeof import('./tasks.ts')
  const worker = await startWorker()
  await runAll(noop, TASKS / 5)
  for (let round = 0; round < ROUNDS; round++) {
    const { enqueueMs, totalMs } = await runAll(noop, TASKS)
    add(`${name}: enqueue in bulk, calls/s`, TASKS / (enqueueMs / 1000))
    add(`${name}: end to end, tasks/s`, TASKS / (totalMs / 1000))
  }
  if (name === 'full') {
    for (let sample = 0; sample < SAMPLES; sample++) {
      await idle(20 + Math.random() * 30)
      const sentAtMs = performance.timeOrigin + performance.now()
      const result = await startedAt.delay()
      add('enqueue to start of an idle worker, ms', (await result.get({ timeoutMs: 10_000 })) - sentAtMs)
    }
    const before = cpuMs(worker.pid)
    await idle(IDLE_MS)
    add('an idle worker, % of a core', ((cpuMs(worker.pid) - before) / IDLE_MS) * 100)
  }
  await app.close()
  await worker.stop()
}

async function runAll(noop: typeof import('./tasks.ts')['noop'], count: number) {
  const startedAtMs = performance.now()
  const results = []
  for (let at = 0; at < count; at += BATCH) {
    results.push(...(await noop.applyMany(Array.from({ length: BATCH }, (_, index) => [at + index] as [number]))))
  }
  const enqueueMs = performance.now() - startedAtMs
  for (const result of results) await result.get({ timeoutMs: 60_000 })
  return { enqueueMs, totalMs: performance.now() - startedAtMs }
}

/** The same children without a queue: what the store costs shows beside it. */
async function measurePool(): Promise<void> {
  const pool = new Pool({ module: new URL('./noop.js', import.meta.url), processes: 2 })
  for (let round = -1; round < ROUNDS; round++) {
    const startedAtMs = performance.now()
    let left = TASKS * 2
    const lane = async () => {
      while (left-- > 0) await pool.apply('noop', [left])
    }
    await Promise.all(Array.from({ length: 256 }, lane))
    if (round >= 0) add('the bare pool, calls/s', (TASKS * 2) / ((performance.now() - startedAtMs) / 1000))
  }
  await pool.close()
}

async function startWorker() {
  const path = fileURLToPath(new URL('./worker-process.js', import.meta.url))
  const child = spawn(process.execPath, [path], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    pid: child.pid as number,
    stop: async () => {
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    },
  }
}

/** User and system time of a process and of the children it has, in milliseconds. */
function cpuMs(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [String(pid), ...children].reduce((sum, id) => {
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS
  }, 0)
}

function idle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function add(name: string, figure: number): void {
  figures[name] ??= []
  figures[name].push(figure)
}

function report(): void {
  if (flags.json) return console.log(JSON.stringify(figures, null, 2))
  const pool = summary(figures['the bare pool, calls/s'] as number[]).median
  const lines = Object.entries(figures).map(([name, values]) => {
    const { median, p99 } = summary(values)
    const ratio = name.endsWith('/s') ? (median / pool).toFixed(2) : ''
    const spread = values.length === SAMPLES ? `p99 ${p99.toFixed(1)}` : range(values)
    return `| ${name} | ${median < 100 ? median.toFixed(1) : Math.round(median)} | ${spread} | ${ratio} |`
  })
  const text = [
    `${TASKS} no-op tasks a round, sent ${BATCH} at a time, 2 children, ${ROUNDS} rounds after a warm-up; latency over ${SAMPLES} tasks 20 to 50 ms apart. Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}.`,
    '',
    '| measure | median | spread | of the bare pool |',
    '| --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
  console.log(text)
  if (flags.write) writeBlock('queue', text)
}
