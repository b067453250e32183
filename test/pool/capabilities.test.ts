import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import {
  type Accident,
  EXECUTORS,
  type ExecutorName,
  type Guarded,
  HARD_LIMIT,
  type Hang,
  NEUTRAL,
  OPTIONS,
  REACH,
  SHARED_MEMORY,
} from '../../src/pool/capabilities.ts'
import { fillPoolOptions, type PoolOptions } from '../../src/pool/options.ts'
import { ROOT } from '../docs/project.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { caromFailureOf, fixture, openPool } from './real-pool.ts'

const module = fixture('jobs')

/** One value for each option that asks for something. */
const VALUES: Required<Pick<PoolOptions, Exclude<Guarded, 'restart'>>> = {
  processes: 2,
  spareChildren: 1,
  startMethod: 'spawn',
  preload: [],
  maxTasksPerChild: 10,
  timeLimitMs: 1_000,
  maxMemoryPerChildBytes: 1e9,
  memoryLimitBytes: 1e9,
  acceptTimeoutMs: 1_000,
  redeliverNeighbours: true,
  interruptOnSoftLimit: true,
  execArgv: [],
  env: {},
}

for (const executor of EXECUTORS) {
  test(`${executor} refuses the options it cannot keep, with the way out, and takes the others`, () => {
    for (const [option, value] of Object.entries(VALUES) as [keyof typeof VALUES, unknown][]) {
      const fill = () => fillPoolOptions({ module, executor, [option]: value })
      const reason = OPTIONS[option][executor]
      if (reason === null) fill()
      else assert.throws(fill, (error) => isRefusal(error, executor, option, reason))
    }
  })

  test(`${executor} takes values that ask for nothing`, () => {
    fillPoolOptions({ module, executor, ...NEUTRAL } as PoolOptions)
  })
}

test('Threads have the memory bounds of no job, and say so when it is submitted', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { executor: 'threads' })
  const limited = pool.exports.add.with({ memoryLimitBytes: 1e9 })
  await caromFailureOf(limited(1, 2), 'CAROM_EXECUTOR_UNABLE')
  assert.throws(() => pool.applyAsync('add', [1, 2], { memoryLimitBytes: 1e9 }), { code: 'CAROM_EXECUTOR_UNABLE' })
  assert.throws(() => pool.mapAsync('echo', [1, 2], { memoryLimitBytes: 1e9 }), { code: 'CAROM_EXECUTOR_UNABLE' })
  await caromFailureOf(
    pool.stream('echo' as never, [] as never, { memoryLimitBytes: 1e9 }).next(),
    'CAROM_EXECUTOR_UNABLE',
  )
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.equal(pool.stats().open, 0)
})

test('An inline pool has one child for good, and refuses hard limits of jobs', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { executor: 'inline' })
  for (const order of [() => pool.grow(), () => pool.resize(3), () => pool.restart(), () => pool.shrink()]) {
    await caromFailureOf((async () => order())(), 'CAROM_EXECUTOR_UNABLE')
  }
  for (const options of [{ timeLimitMs: 1_000 }, { memoryLimitBytes: 1e9 }]) {
    await caromFailureOf(pool.apply('add', [1, 2], options), 'CAROM_EXECUTOR_UNABLE')
  }
  assert.equal(await pool.apply('add', [1, 2], { softTimeLimitMs: 60_000 }), 3)
  assert.deepEqual([pool.stats().children.length, pool.stats()['max-concurrency']], [1, 1])
})

test('An executor that is not known is refused with those that are', () => {
  assert.throws(() => fillPoolOptions({ module, executor: 'gevent' as never }), /expected prefork or threads or inline/)
})

test('The reference page has the tables that the code has', () => {
  const page = readFileSync(join(ROOT, 'docs/reference/executors.md'), 'utf8')
  for (const table of [optionsTable(), hangsTable(), accidentsTable(), memoryTable()]) {
    const text = table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
    assert.ok(page.includes(`\n${text}\n`), `docs/reference/executors.md lacks this table:\n${text}`)
  }
})

function isRefusal(error: unknown, executor: ExecutorName, option: Guarded, reason: string): boolean {
  assert.ok(isCaromError(error, 'CAROM_EXECUTOR_UNABLE'))
  assert.deepEqual([error.executor, error.option], [executor, option])
  assert.ok(
    error.message.startsWith(`The executor "${executor}" cannot keep ${option}: ${reason}. Leave it out, or use`),
  )
  const able = EXECUTORS.filter((each) => error.message.split('use the executor ')[1]?.includes(`"${each}"`))
  assert.deepEqual(
    able,
    EXECUTORS.filter((each) => OPTIONS[option][each] === null),
  )
  return true
}

function optionsTable(): string[][] {
  const rows = (Object.keys(OPTIONS) as Guarded[]).map((option) => [
    option === 'restart' ? '`restart()`' : `\`${option}\``,
    ...EXECUTORS.map((executor) => {
      const reason = OPTIONS[option][executor]
      if (reason === null) return 'kept'
      return `${option === 'processes' ? 'refused above 1' : 'refused'}: ${reason}`
    }),
  ])
  return [['option', ...EXECUTORS], line(), ...rows]
}

function hangsTable(): string[][] {
  const names: Record<Hang, string> = {
    await: 'a promise that never settles',
    loop: 'a loop that never waits',
    microtasks: 'a loop of microtasks',
    atomics: '`Atomics.wait`',
    native: 'a call of native code (`pbkdf2Sync`, `spawnSync`)',
  }
  const rows = (Object.keys(names) as Hang[]).map((hang) => [
    names[hang],
    ...EXECUTORS.map((each) => HARD_LIMIT[hang][each]),
  ])
  return [['the function hangs in', ...EXECUTORS], line(), ...rows]
}

function accidentsTable(): string[][] {
  const rows = (Object.keys(REACH) as Accident[]).map((accident) => [
    accident === 'process.exit' ? '`process.exit`' : accident,
    ...EXECUTORS.map((each) => REACH[accident][each]),
  ])
  return [['accident', ...EXECUTORS], line(), ...rows]
}

function memoryTable(): string[][] {
  return [['', ...EXECUTORS], line(), ['`SharedArrayBuffer`', ...EXECUTORS.map((each) => SHARED_MEMORY[each])]]
}

function line(): string[] {
  return ['---', ...EXECUTORS.map(() => '---')]
}
