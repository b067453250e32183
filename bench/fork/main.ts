/**
 * Forked children beside spawned ones: how long until one is ready, what it costs in memory, and what its jobs are slower
 * or faster by. Both ways take turns in every round; medians, with the range, and the ratio of the medians.
 */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Pool, type PoolOptions } from '../../src/pool/index.ts'
import { writeBlock } from '../report.ts'
import { range, summary } from '../statistics.ts'

const WAYS = ['spawn', 'fork'] as const
type Way = (typeof WAYS)[number]
type Jobs = typeof import('./bare.ts')

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, write: { type: 'boolean' } },
})
const ROUNDS = Number(flags.rounds)
const STARTS = 8
const SIBLINGS = 4
const CALLS = 10_000
const MIB = 1024 * 1024

const figures = new Map<string, Record<Way, number[]>>()

for (let round = 0; round < ROUNDS; round++) {
  for (const way of round % 2 === 0 ? WAYS : [...WAYS].reverse()) {
    await measureStarts(way, 'nothing', 'bare')
    await measureStarts(way, 'the TypeScript compiler', 'compiler')
    await measureMemory(way)
    await measureJobs(way)
  }
}
report()

function open(way: Way, name: string, options: Partial<PoolOptions> = {}): Pool<Jobs> {
  const module = new URL(`./${name}.js`, import.meta.url)
  const preload = way === 'fork' ? [module] : []
  return new Pool<Jobs>({ module, processes: 1, startMethod: way, preload, ...options })
}

async function measureStarts(way: Way, what: string, name: string): Promise<void> {
  const pool = await timed(way, `from new Pool to the first result, ${what} loaded, ms`, async () => {
    const opened = open(way, name)
    await opened.exports.noop()
    return opened
  })
  for (let start = 0; start < STARTS; start++) {
    await timed(way, `from request to ready, ${what} loaded, ms`, () => pool.grow(1))
    await pool.shrink(1)
  }
  await pool.close()
}

async function measureMemory(way: Way): Promise<void> {
  const pool = open(way, 'ballast', { processes: SIBLINGS })
  await pool.resize(SIBLINGS)
  await pool.exports.noop()
  const pids = pool.stats().processes
  const server = way === 'fork' ? [parentOf(pids[0] as number)] : []
  const idle = pool.stats().children.map(({ privateMemoryBytes }) => (privateMemoryBytes ?? 0) / MIB)
  add(way, 'private memory of an idle child, 100 MB loaded, MiB', summary(idle).median)
  const shares = [...server, ...pids].map((pid) => shareOf(pid) / MIB)
  add(way, `all of ${SIBLINGS} children, shared pages counted once, 100 MB loaded, MiB`, sum(shares))
  await pool.close()
}

async function measureJobs(way: Way): Promise<void> {
  const pool = open(way, 'bare')
  const { noop, allocate, compute } = pool.exports
  for (let call = 0; call < 500; call++) await noop()
  await timed(way, `${CALLS} calls in flight 64 at a time, ms`, async () => {
    let left = CALLS
    const lane = async () => {
      while (left-- > 0) await noop()
    }
    await Promise.all(Array.from({ length: 64 }, lane))
  })
  await timed(way, `${CALLS / 10} calls one after the other, ms`, async () => {
    for (let call = 0; call < CALLS / 10; call++) await noop()
  })
  await timed(way, 'a job that allocates 3 million objects, ms', () => allocate(3_000_000))
  await timed(way, 'a job of 100 million steps of arithmetic, ms', () => compute(100_000_000))
  await pool.close()
}

async function timed<T>(way: Way, name: string, work: () => Promise<T>): Promise<T> {
  const startedAtMs = performance.now()
  const result = await work()
  add(way, name, performance.now() - startedAtMs)
  return result
}

function add(way: Way, name: string, figure: number): void {
  const both = figures.get(name) ?? { spawn: [], fork: [] }
  figures.set(name, both)
  both[way].push(figure)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function parentOf(pid: number): number {
  return Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[1],
  )
}

/** Its resident memory, each page divided by how many processes have it. */
function shareOf(pid: number): number {
  const [, kib] = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss: +(\d+) kB$/m) ?? []
  return Number(kib) * 1024
}

function report(): void {
  const lines = [...figures].map(([name, { spawn, fork }]) => {
    const [spawned, forked] = [summary(spawn).median, summary(fork).median]
    return `| ${name} | ${spawned.toFixed(1)} | ${range(spawn)} | ${forked.toFixed(1)} | ${range(fork)} | ${(spawned / forked).toFixed(2)} |`
  })
  const text = [
    `${ROUNDS} rounds that alternate, ${STARTS} starts in each. Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}.`,
    '',
    '| measure | spawn | | fork | | spawn / fork |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
  console.log(text)
  if (flags.write) writeBlock('fork', text)
}
