/** A measure as a section: every row once per round in a process of its own, medians over the rounds. */
import type { Column, Contender, Field, Measure, RoundResult } from './measure.ts'
import { runProgram } from './program.ts'
import type { Report, Section } from './section.ts'
import { range, summary } from './statistics.ts'
import type { Table } from './table.ts'

const QUICK_ROUNDS = 1
const DEADLINE_MS = 120_000

export function roundsSection<Row extends Contender>(field: Field<Row>, measure: Measure<Row>): Section {
  return {
    name: measure.name,
    measure: async (isQuick, progress) =>
      report(field, measure, isQuick, await runRounds(field, measure, isQuick, progress)),
  }
}

/** Runs one measure of one row, in the process of a round, and gives what is its last line. */
export async function roundLine(run: () => Promise<RoundResult>): Promise<string> {
  let result: RoundResult
  try {
    result = await run()
  } catch (error) {
    result = { error: error instanceof Error ? (error.message.split('\n')[0] as string) : String(error) }
  }
  return `${JSON.stringify(result)}\n`
}

type Results = ReadonlyMap<Contender, readonly RoundResult[]>

async function runRounds<Row extends Contender>(
  field: Field<Row>,
  measure: Measure<Row>,
  isQuick: boolean,
  progress: (text: string) => void,
): Promise<Results> {
  const results = new Map<Contender, RoundResult[]>(measure.rows.map((row) => [row, []]))
  const rounds = isQuick ? QUICK_ROUNDS : measure.rounds
  for (let round = 1; round <= rounds; round++) {
    // Every second round goes backwards: nobody always follows the same neighbour.
    const order = round % 2 === 1 ? measure.rows : [...measure.rows].reverse()
    for (const row of order) {
      progress(`round ${round} of ${rounds}: ${row.name}`)
      results.get(row)?.push(await runRound(field.program, measure.name, row.name, isQuick))
    }
  }
  return results
}

async function runRound(program: URL, measure: string, row: string, isQuick: boolean): Promise<RoundResult> {
  const { lines, end, errors } = await runProgram(program, [measure, row, ...(isQuick ? ['--quick'] : [])], {
    deadlineMs: DEADLINE_MS,
  })
  const last = lines.at(-1)
  if (last !== undefined && end === 'exit code 0') return JSON.parse(last) as RoundResult
  return { error: `${end}: ${errors.trim().split('\n').at(-1) ?? ''}` }
}

function report<Row extends Contender>(
  field: Field<Row>,
  measure: Measure<Row>,
  isQuick: boolean,
  results: Results,
): Report {
  const rounds = isQuick ? QUICK_ROUNDS : measure.rounds
  const medians = rounds === 1 ? 'One round' : `Medians of ${rounds} alternating rounds, with the range`
  return {
    title: measure.title,
    text: `${measure.describe(isQuick)} ${medians}, each ${field.kind} in a fresh process after a warm-up.`,
    table: toTable(field, measure, results),
    figures: measure.rows.map((row) => ({ row: field.nameOf(row), group: row.group, rounds: results.get(row) ?? [] })),
  }
}

/** A ratio is Carom's advantage in the same group: how many times as much, or how many times as fast. */
function toTable<Row extends Contender>(field: Field<Row>, { columns, rows }: Measure<Row>, results: Results): Table {
  const isCompared = rows.length > 1
  const headings = columns.flatMap(({ heading, better }) => [heading, ...(better && isCompared ? ['ratio'] : [])])
  return {
    headings: [field.kind, ...headings, 'settings'],
    numeric: [false, ...headings.map(() => true), false],
    rows: rows.map((row) => {
      const own = results.get(row) ?? []
      const carom = results.get(rows.find((other) => other.group === row.group && field.isReference(other)) ?? row)
      const cells = columns.flatMap((column) => {
        const values = valuesOf(own, column)
        const shown = values.length === 0 ? '–' : figureText(values, column)
        return column.better && isCompared ? [shown, ratio(values, valuesOf(carom ?? [], column), column)] : [shown]
      })
      return [field.nameOf(row), ...cells, settingsOf(row, own)]
    }),
  }
}

function valuesOf(results: readonly RoundResult[], { figure }: Column): number[] {
  const values = results.map((result) => ('figures' in result ? result.figures[figure] : null))
  return values.filter((value) => typeof value === 'number')
}

function figureText(values: readonly number[], { digits = 0 }: Column): string {
  const { median } = summary(values)
  const middle = median.toFixed(digits)
  return values.length === 1 ? middle : `${middle} (${range(values)})`
}

function ratio(values: readonly number[], caroms: readonly number[], { better }: Column): string {
  if (values.length === 0 || caroms.length === 0) return '–'
  const quotient = summary(caroms).median / summary(values).median
  return (better === 'more' ? quotient : 1 / quotient).toFixed(2)
}

function settingsOf({ settings }: Contender, results: readonly RoundResult[]): string {
  const errors = new Set(results.flatMap((result) => ('error' in result ? [result.error] : [])))
  return [settings, ...errors].filter((text) => text !== '').join('; ')
}
