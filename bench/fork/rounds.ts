/** Both ways take turns, each round in a process of its own; medians over the rounds, with the range. */
import { runProgram } from '../program.ts'
import { range, summary } from '../statistics.ts'
import { type Table, tableText } from '../table.ts'
import type { Extent, Line, Measure, RoundResult, Way } from './measure.ts'

export type Results = Readonly<Record<Way, readonly RoundResult[]>>

const PROGRAM = new URL('./round.js', import.meta.url)
const DEADLINE_MS = { quick: 60_000, normal: 120_000, long: 30 * 60_000 } as const

export async function runRounds(measure: Measure, extent: Extent, progress: (text: string) => void): Promise<Results> {
  const results: Record<Way, RoundResult[]> = { spawn: [], fork: [] }
  const rounds = measure.rounds[extent]
  for (let round = 1; round <= rounds; round++) {
    // Every second round goes backwards: nobody always follows the same neighbour.
    for (const way of round % 2 === 1 ? measure.ways : [...measure.ways].reverse()) {
      progress(`round ${round} of ${rounds}: ${way}`)
      results[way].push(await runRound(measure, way, extent))
    }
  }
  return results
}

async function runRound({ name }: Measure, way: Way, extent: Extent): Promise<RoundResult> {
  const { lines, end, errors } = await runProgram(PROGRAM, [name, way, extent], { deadlineMs: DEADLINE_MS[extent] })
  const last = lines.at(-1)
  if (last !== undefined && end === 'exit code 0') return JSON.parse(last) as RoundResult
  return { error: `${end}: ${errors.trim().split('\n').at(-1) ?? ''}` }
}

export function reportText(measure: Measure, extent: Extent, results: Results): string {
  const rounds = measure.rounds[extent]
  const medians = rounds === 1 ? 'One round.' : `Medians of ${rounds} rounds that alternate, with the range.`
  const errors = new Set([...results.spawn, ...results.fork].flatMap((one) => ('error' in one ? [one.error] : [])))
  const failures = [...errors].map((error) => `\n\nA round failed: ${error}`).join('')
  return `${measure.describe(extent)} ${medians}\n\n${tableText(toTable(measure, results))}${failures}`
}

function toTable({ lines, ways }: Measure, results: Results): Table {
  const isCompared = ways.length > 1
  return {
    headings: ['', ...ways, ...(isCompared ? ['spawn / fork'] : []), 'goal'],
    numeric: [false, ...ways.map(() => true), ...(isCompared ? [true] : []), false],
    rows: lines.map((line) => {
      const values = ways.map((way) => valuesOf(results[way], line))
      const ratio = isCompared ? [line.isPart ? '' : ratioOf(values)] : []
      return [line.heading, ...values.map((own) => figureText(own, line)), ...ratio, line.goal ?? '']
    }),
  }
}

function valuesOf(results: readonly RoundResult[], { figure }: Line): number[] {
  return results.flatMap((result) => ('figures' in result ? (result.figures[figure] ?? []) : []))
}

function figureText(values: readonly number[], { digits }: Line): string {
  if (values.length === 0) return '–'
  const middle = summary(values).median.toFixed(digits)
  return values.length === 1 ? middle : `${middle} (${range(values)})`
}

function ratioOf([spawn = [], fork = []]: readonly (readonly number[])[]): string {
  if (spawn.length === 0 || fork.length === 0 || summary(fork).median === 0) return '–'
  return (summary(spawn).median / summary(fork).median).toFixed(2)
}
