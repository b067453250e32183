/**
 * The pools that are compared, each with two children (piscina: threads). First as most are used: a child gets its
 * next call when it has answered. Then with as many calls in a child as were fastest for each, which suits functions
 * that wait; workerpool and jest-worker have no such mode.
 */
import { fileURLToPath } from 'node:url'
import { Pool } from '../../src/pool/index.ts'
import { loadPackage } from './packages.ts'

export interface OpenPool {
  call(value: unknown): Promise<unknown>
  close(): Promise<unknown>
}

export interface Contender {
  readonly name: string
  /** The npm package; `null` for Carom itself. */
  readonly packageName: string | null
  /** Calls that a child holds at once: contenders of the same mode are compared. */
  readonly mode: 'one' | 'many'
  readonly settings: string
  open(): Promise<OpenPool>
}

const CHILDREN = 2
const MANY = 128

export const CONTENDERS: readonly Contender[] = [
  { name: 'Carom', packageName: null, mode: 'one', settings: 'the defaults', open: () => openCarom(1) },
  {
    name: 'tinypool',
    packageName: 'tinypool',
    mode: 'one',
    settings: "runtime 'child_process'",
    open: () => openTinypool(1),
  },
  {
    name: 'workerpool',
    packageName: 'workerpool',
    mode: 'one',
    settings: "workerType 'process'",
    open: openWorkerpool,
  },
  {
    name: 'jest-worker',
    packageName: 'jest-worker',
    mode: 'one',
    settings: 'child processes',
    open: openJestWorker,
  },
  {
    name: 'poolifier',
    packageName: 'poolifier',
    mode: 'one',
    settings: 'FixedClusterPool, tasks queue with concurrency 1',
    open: () => openPoolifier({ enableTasksQueue: true, tasksQueueOptions: { concurrency: 1 } }),
  },
  {
    name: 'piscina (threads)',
    packageName: 'piscina',
    mode: 'one',
    settings: 'the defaults',
    open: () => openPiscina(1),
  },
  {
    name: 'Carom, many at once',
    packageName: null,
    mode: 'many',
    settings: `concurrencyPerChild ${MANY}`,
    open: () => openCarom(MANY),
  },
  {
    name: 'tinypool, many at once',
    packageName: 'tinypool',
    mode: 'many',
    settings: `concurrentTasksPerWorker ${MANY}`,
    open: () => openTinypool(MANY),
  },
  {
    name: 'poolifier, many at once',
    packageName: 'poolifier',
    mode: 'many',
    settings: 'FixedClusterPool without tasks queue: every call goes to a child at once',
    open: () => openPoolifier({}),
  },
  {
    name: 'piscina (threads), many at once',
    packageName: 'piscina',
    mode: 'many',
    settings: `concurrentTasksPerWorker ${MANY}`,
    open: () => openPiscina(MANY),
  },
]

async function openCarom(concurrencyPerChild: number): Promise<OpenPool> {
  const pool = new Pool({ module: fixture('functions.js'), processes: CHILDREN, concurrencyPerChild })
  await pool.whenStarted()
  return { call: (value) => pool.apply('noop', [value]), close: () => pool.close() }
}

async function openTinypool(concurrentTasksPerWorker: number): Promise<OpenPool> {
  const { Tinypool } = await loadPackage<{ Tinypool: RunnerClass }>('tinypool')
  return openRunner(new Tinypool({ ...runnerOptions(concurrentTasksPerWorker), runtime: 'child_process' }))
}

async function openPiscina(concurrentTasksPerWorker: number): Promise<OpenPool> {
  const { Piscina } = await loadPackage<{ Piscina: RunnerClass }>('piscina')
  return openRunner(new Piscina(runnerOptions(concurrentTasksPerWorker)))
}

async function openWorkerpool(): Promise<OpenPool> {
  const { pool } = await loadPackage<Workerpool>('workerpool')
  const options = { workerType: 'process', minWorkers: CHILDREN, maxWorkers: CHILDREN }
  const opened = pool(fixture('workerpool-worker.js'), options)
  return { call: (value) => opened.exec('noop', [value]), close: () => opened.terminate() }
}

async function openJestWorker(): Promise<OpenPool> {
  const { Worker } = await loadPackage<JestWorker>('jest-worker')
  const farm = new Worker(fixture('functions.js'), { numWorkers: CHILDREN, exposedMethods: ['noop'] })
  return { call: (value) => farm.noop(value), close: () => farm.end() }
}

async function openPoolifier(options: object): Promise<OpenPool> {
  const { FixedClusterPool } = await loadPackage<Poolifier>('poolifier')
  const pool = new FixedClusterPool(CHILDREN, fixture('poolifier-worker.cjs'), options)
  return { call: (value) => pool.execute(value), close: () => pool.destroy() }
}

function runnerOptions(concurrentTasksPerWorker: number): object {
  return { filename: fixture('functions.js'), minThreads: CHILDREN, maxThreads: CHILDREN, concurrentTasksPerWorker }
}

function openRunner(runner: Runner): OpenPool {
  return { call: (value) => runner.run(value, { name: 'noop' }), close: () => runner.destroy() }
}

function fixture(file: string): string {
  return fileURLToPath(new URL(`./fixtures/${file}`, import.meta.url))
}

interface Runner {
  run(value: unknown, options: { readonly name: string }): Promise<unknown>
  destroy(): Promise<unknown>
}
type RunnerClass = new (options: object) => Runner

interface Workerpool {
  pool(
    script: string,
    options: object,
  ): { exec(name: string, args: readonly unknown[]): Promise<unknown>; terminate(): Promise<unknown> }
}

interface JestWorker {
  readonly Worker: new (
    module: string,
    options: object,
  ) => { noop(value: unknown): Promise<unknown>; end(): Promise<unknown> }
}

interface Poolifier {
  readonly FixedClusterPool: new (
    size: number,
    file: string,
    options: object,
  ) => { execute(value: unknown): Promise<unknown>; destroy(): Promise<unknown> }
}
