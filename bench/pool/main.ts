/**
 * Carom's pool beside others: no-op calls per second, and the time of one call after the other. Each contender runs
 * in a process of its own, once per round, in turn; the table shows medians over the rounds, with the range.
 *
 *     node build/bench/pool/main.js [--json] [--write]
 */
import { execFile } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { writeBlock } from '../report.ts'
import { range, summary } from '../statistics.ts'
import { CONTENDERS, type Contender } from './contenders.ts'
import { packageVersion } from './packages.ts'
import { IN_FLIGHT, ROUNDS, type Round, TRIPS } from './plan.ts'

const { values: flags } = parseArgs({ options: { json: { type: 'boolean' }, write: { type: 'boolean' } } })
const load = loadavg()[0] as number
const rounds = await measure()
const text = toText(rounds)
console.log(flags.json ? JSON.stringify(toFigures(rounds), null, 2) : text)
if (flags.write) writeBlock('pool', text)

async function measure(): Promise<Map<Contender, Round[]>> {
  const results = new Map<Contender, Round[]>(CONTENDERS.map((contender) => [contender, []]))
  for (let round = 1; round <= ROUNDS; round++) {
    // Every second round goes backwards: nobody always follows the same neighbour.
    const order = round % 2 === 1 ? CONTENDERS : [...CONTENDERS].reverse()
    for (const contender of order) {
      process.stderr.write(`round ${round} of ${ROUNDS}: ${contender.name}\n`)
      results.get(contender)?.push(await runRound(contender))
    }
  }
  return results
}

async function runRound({ name }: Contender): Promise<Round> {
  const script = fileURLToPath(new URL('./round.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, name], {
    timeout: 60_000,
    maxBuffer: 16 * 1024 * 1024,
  })
  return JSON.parse(stdout) as Round
}

interface Figures {
  readonly name: string
  readonly mode: Contender['mode']
  readonly settings: string
  readonly callsPerSecond: readonly number[]
  readonly p50Us: readonly number[]
  readonly p99Us: readonly number[]
}

function toFigures(results: Map<Contender, Round[]>): Figures[] {
  return [...results].map(([{ name, packageName, mode, settings }, measured]) => ({
    name: packageName === null ? name : name.replace(packageName, `${packageName} ${packageVersion(packageName)}`),
    mode,
    settings,
    callsPerSecond: measured.map((round) => round.callsPerSecond),
    p50Us: measured.map((round) => summary(round.tripsMs).median * 1000),
    p99Us: measured.map((round) => summary(round.tripsMs).p99 * 1000),
  }))
}

/** A ratio is Carom's advantage in the same mode: how many times the calls, how many times shorter the trip. */
function toText(results: Map<Contender, Round[]>): string {
  const figures = toFigures(results)
  const rows = figures.map((row) => {
    const carom = figures.find(({ mode }) => mode === row.mode) as Figures
    return [
      row.name,
      middle(row.callsPerSecond),
      range(row.callsPerSecond),
      (median(carom.callsPerSecond) / median(row.callsPerSecond)).toFixed(2),
      middle(row.p50Us),
      range(row.p50Us),
      (median(row.p50Us) / median(carom.p50Us)).toFixed(2),
      middle(row.p99Us),
      row.settings,
    ]
  })
  const { model } = cpus()[0] as { model: string }
  return [
    `Two children, ${IN_FLIGHT} calls in flight for the calls per second, then ${TRIPS} calls one after the other for the round trip; ${ROUNDS} alternating rounds, each in a fresh process after a warm-up: medians over the rounds, with the range. A ratio above 1 is Carom's advantage over that pool with as many calls in a child. Node ${process.versions.node}, ${cpus().length} x ${model.trim()}, load ${load.toFixed(1)} when it began.`,
    '',
    '| pool | no-op calls/s | range | ratio | trip p50, µs | range | ratio | p99, µs | settings |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')
}

function middle(values: readonly number[]): string {
  return String(Math.round(median(values)))
}

function median(values: readonly number[]): number {
  return summary(values).median
}
