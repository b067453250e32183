/** A measure as a section: every row once per round in a process of its own, medians over the rounds. */
import { range, summary } from '../statistics.ts'
import { billiardName } from './billiard.ts'
import { LIBRARIES } from './libraries/index.ts'
import type { Column, Measure, RoundResult, Row } from './measure.ts'
import { packageVersion } from './packages.ts'
import { runProgram } from './program.ts'
import type { Report, Section } from './section.ts'
import type { Table } from './table.ts'

const QUICK_ROUNDS = 1
const DEADLINE_MS = 120_000

export function roundsSection(measure: Measure): Section {
  return {
    name: measure.name,
    measure: async (isQuick, progress) => report(measure, isQuick, await runRounds(measure, isQuick, progress)),
  }
}

type Results = ReadonlyMap<Row, readonly RoundResult[]>

async function runRounds(measure: Measure, isQuick: boolean, progress: (text: string) => void): Promise<Results> {
  const results = new Map<Row, RoundResult[]>(measure.rows.map((row) => [row, []]))
  const rounds = isQuick ? QUICK_ROUNDS : measure.rounds
  for (let round = 1; round <= rounds; round++) {
    // Every second round goes backwards: nobody always follows the same neighbour.
    const order = round % 2 === 1 ? measure.rows : [...measure.rows].reverse()
    for (const row of order) {
      progress(`round ${round} of ${rounds}: ${row.name}`)
      results.get(row)?.push(await runRound(measure, row, isQuick))
    }
  }
  return results
}

async function runRound({ name }: Measure, row: Row, isQuick: boolean): Promise<RoundResult> {
  const { lines, end, errors } = await runProgram('round.js', [name, row.name, ...(isQuick ? ['--quick'] : [])], {
    deadlineMs: DEADLINE_MS,
  })
  const last = lines.at(-1)
  if (last !== undefined && end === 'exit code 0') return JSON.parse(last) as RoundResult
  return { error: `${end}: ${errors.trim().split('\n').at(-1) ?? ''}` }
}

function report(measure: Measure, isQuick: boolean, results: Results): Report {
  const rounds = isQuick ? QUICK_ROUNDS : measure.rounds
  const medians = rounds === 1 ? 'One round' : `Medians of ${rounds} alternating rounds, with the range`
  return {
    title: measure.title,
    text: `${measure.describe(isQuick)} ${medians}, each pool in a fresh process after a warm-up.`,
    table: toTable(measure, results),
    figures: measure.rows.map((row) => ({ row: nameOf(row), group: row.group, rounds: results.get(row) ?? [] })),
  }
}

/** A ratio is Carom's advantage in the same group: how many times as much, or how many times as fast. */
function toTable({ columns, rows }: Measure, results: Results): Table {
  const isCompared = rows.length > 1
  const headings = columns.flatMap(({ heading, better }) => [heading, ...(better && isCompared ? ['ratio'] : [])])
  return {
    headings: ['pool', ...headings, 'settings'],
    numeric: [false, ...headings.map(() => true), false],
    rows: rows.map((row) => {
      const own = results.get(row) ?? []
      const carom = results.get(rows.find(({ group, library }) => group === row.group && library === 'carom') ?? row)
      const cells = columns.flatMap((column) => {
        const values = valuesOf(own, column)
        const shown = values.length === 0 ? '–' : figureText(values, column)
        return column.better && isCompared ? [shown, ratio(values, valuesOf(carom ?? [], column), column)] : [shown]
      })
      return [nameOf(row), ...cells, settingsOf(row, own)]
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

function settingsOf({ settings }: Row, results: readonly RoundResult[]): string {
  const errors = new Set(results.flatMap((result) => ('error' in result ? [result.error] : [])))
  return [settings, ...errors].join('; ')
}

export function nameOf({ name, library }: Row): string {
  if (library === 'billiard') return billiardName() ?? name
  const version = packageVersion(LIBRARIES[library].packageName)
  if (version === null) return name
  const at = name.search(/,| \(|$/)
  return `${name.slice(0, at)} ${version}${name.slice(at)}`
}
