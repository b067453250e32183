/**
 * The parent of a pool to which something happens: `node host.js LIBRARY CASE DEADLINE_MS`, or with the case `orphan` and
 * a file in place of the deadline: a child spins, the file is there, and the rest is done to this process.
 */
import { writeSync } from 'node:fs'
import { TIMED_OUT, within } from '../../clock.ts'
import { LIBRARIES } from '../libraries/index.ts'
import { DEFAULTS, type OpenPool } from '../libraries/library.ts'
import { CASES, type DeathCase, type Fact } from './cases.ts'

const NEIGHBOUR_MS = 400
const CALLS_AFTERWARDS = 4

const [library, caseName, last] = process.argv.slice(2) as [keyof typeof LIBRARIES, string, string]
process.on('uncaughtExceptionMonitor', (error) => tell({ type: 'uncaught', result: textOf(error) }))
const pool = await LIBRARIES[library].open(DEFAULTS)
await Promise.all(Array.from({ length: 20 }, () => pool.call('noop', null)))

if (caseName === 'orphan') {
  setInterval(() => {}, 1_000)
  await pool.call('spin', last)
} else {
  await observe(CASES.find(({ name }) => name === caseName) as DeathCase, Number(last))
  process.exit(0)
}

async function observe({ job, timeLimitMs, extraMs }: DeathCase, deadlineMs: number): Promise<void> {
  const neighbour = outcome(pool.call('wait', NEIGHBOUR_MS), deadlineMs)
  const startedAtMs = performance.now()
  const result = await outcome(pool.call(job, null, timeLimitMs ?? undefined), deadlineMs + extraMs)
  tell({ type: 'job', result, afterMs: performance.now() - startedAtMs })
  tell({ type: 'neighbour', result: await neighbour })
  tell({ type: 'afterwards', result: await afterwards(pool, deadlineMs) })
}

async function afterwards(pool: OpenPool, deadlineMs: number): Promise<string> {
  const calls = Array.from({ length: CALLS_AFTERWARDS }, () => outcome(pool.call('noop', null), deadlineMs))
  const results = await Promise.all(calls)
  const bad = results.filter((result) => result !== 'done')
  return bad.length === 0 ? 'works' : `${bad.length} of ${CALLS_AFTERWARDS} calls: ${bad[0]}`
}

async function outcome(call: Promise<unknown>, deadlineMs: number): Promise<string> {
  const settled = await within(
    deadlineMs,
    call.then(
      () => 'done',
      (error) => `fails: ${textOf(error)}`,
    ),
  )
  return settled === TIMED_OUT ? 'hangs' : settled
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { readonly code?: unknown }
  return `${typeof code === 'string' ? `${code}: ` : ''}${error.message}`
}

/** Past the event loop, which may have no turn left. */
function tell(fact: Fact): void {
  writeSync(1, `${JSON.stringify(fact)}\n`)
}
