/**
 * Forked children beside spawned ones: how long until one is ready, what it costs in memory, and what its jobs are slower
 * or faster by.
 *
 *     node build/bench/fork/main.js [--only NAME,...] [--quick | --long] [--json] [--write]
 *
 * Children run the Node that runs this. `--write` puts each table into docs/benchmarks.md, in the place for this version
 * of Node; `--quick` shows that all works, its figures are worth little; `--long` makes 2,000 forks and 1,000 jobs.
 */
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { hasBlock, writeBlock } from '../report.ts'
import type { Extent, Measure } from './measure.ts'
import { MEASURES } from './measures/index.ts'
import { reportText, runRounds } from './rounds.ts'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const extent: Extent = flags.quick ? 'quick' : flags.long ? 'long' : 'normal'
const chosen = choose(flags.only)
// Known before the measuring: it takes minutes.
if (flags.write) for (const measure of chosen) checkBlock(measure)

const startedAtMs = performance.now()
const settings = `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}, load ${(loadavg()[0] as number).toFixed(1)} when it began.`
if (!flags.json) console.log(settings)
const figures: Record<string, unknown> = {}
for (const measure of chosen) {
  const { name, title } = measure
  const results = await runRounds(measure, extent, (text) => process.stderr.write(`${name}: ${text}\n`))
  process.stderr.write(`${name}: done, ${Math.round((performance.now() - startedAtMs) / 1_000)} s so far\n`)
  figures[name] = results
  const text = reportText(measure, extent, results)
  if (!flags.json) console.log(`\n## ${title}\n${text}`)
  if (flags.write) writeBlock(blockOf(measure), `${text}\n\n${settings}`)
}
if (flags.json) console.log(JSON.stringify({ settings, extent, figures }, null, 2))

function choose(only: readonly string[] | undefined): readonly Measure[] {
  if (only === undefined) return MEASURES
  const names = only.flatMap((list) => list.split(','))
  const known = MEASURES.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`No measure is called "${unknown}"; there are: ${known.join(', ')}`)
  return MEASURES.filter(({ name }) => names.includes(name))
}

function checkBlock(measure: Measure): void {
  if (!hasBlock(blockOf(measure))) throw new Error(`docs/benchmarks.md has no place for "${blockOf(measure)}"`)
}

function blockOf({ name }: Measure): string {
  return `fork-${name}-node${process.versions.node.split('.')[0]}`
}
