/** What becomes of a job, its neighbour and the pool when a child dies: done to each pool, not read about it. */

import { runProgram } from '../../program.ts'
import type { Section } from '../../section.ts'
import { POOLS } from '../field.ts'
import type { Row } from '../measure.ts'
import { ONE_AT_A_TIME } from '../rows.ts'
import { CASES, type DeathCase, type Fact } from './cases.ts'
import { orphansOf } from './orphans.ts'

const HOST = new URL('./host.js', import.meta.url)
const PARENT_KILLED = 'the parent is killed by SIGKILL while a child spins and another is idle'
const deadlineMs = (isQuick: boolean) => (isQuick ? 2_500 : 5_000)

type Cells = readonly [what: string, pool: string, job: string, neighbour: string, afterwards: string]

export const deaths: Section = {
  name: 'deaths',
  measure: async (isQuick, progress) => {
    const limitMs = deadlineMs(isQuick)
    const tasks = [
      ...CASES.flatMap((death) => ONE_AT_A_TIME.map((row) => ({ row, what: death.title, death }))),
      ...ONE_AT_A_TIME.map((row) => ({ row, what: PARENT_KILLED, death: null })),
    ]
    const rows = await inTurn(isQuick ? 4 : 2, tasks, async ({ row, what, death }): Promise<Cells> => {
      progress(`${what}: ${row.name}`)
      if (death !== null) return [what, POOLS.nameOf(row), ...(await observed(row, death, limitMs))]
      return [what, POOLS.nameOf(row), await orphansOf(row.library, limitMs), '–', '–']
    })
    return {
      title: 'Deaths',
      text: `Two children: one runs the job that dies, the other a neighbour that waits for 400 ms; then four more calls. "Hangs" is no answer within ${limitMs / 1_000} s. Time limits are kept by the pool's own means: Carom's \`timeLimitMs\`, workerpool's \`timeout()\`, an AbortSignal for tinypool, piscina and poolifier; jest-worker has none. piscina's children are threads: what kills the process kills all.`,
      table: {
        headings: ['what happens', 'pool', 'the job', 'its neighbour', 'the pool afterwards'],
        numeric: [],
        rows,
      },
      figures: rows,
    }
  },
}

async function observed(
  { library }: Row,
  { name, env, extraMs }: DeathCase,
  limitMs: number,
): Promise<[job: string, neighbour: string, afterwards: string]> {
  const { lines, end } = await runProgram(HOST, [library, name, String(limitMs)], {
    deadlineMs: 4 * limitMs + extraMs + 10_000,
    env,
  })
  const facts = lines.filter((line) => line.startsWith('{"type":')).map((line) => JSON.parse(line) as Fact)
  const uncaught = facts.find(({ type }) => type === 'uncaught')
  const died =
    uncaught === undefined ? `the parent ends (${end})` : `the parent ends: uncaught ${short(uncaught.result)}`
  const job = facts.find((fact) => fact.type === 'job')
  const text = (type: Fact['type']) => short(facts.find((fact) => fact.type === type)?.result ?? died)
  if (job === undefined) return [died, died, died]
  const after = job.result === 'hangs' ? '' : ` after ${Math.round(job.afterMs)} ms`
  return [`${short(job.result)}${after}`, text('neighbour'), text('afterwards')]
}

/** The start of the first line. */
function short(text: string): string {
  const line = text.split('\n')[0] as string
  return line.length <= TEXT_CHARS ? line : `${line.slice(0, TEXT_CHARS)}…`
}

const TEXT_CHARS = 110

/** A few at once: most of the time is waiting for deadlines. */
async function inTurn<T, R>(atOnce: number, tasks: readonly T[], run: (task: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const lane = async () => {
    for (let task = next++; task < tasks.length; task = next++) results[task] = await run(tasks[task] as T)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return results
}
