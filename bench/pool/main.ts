/**
 * Carom's pool beside others, and beside what could be done without a pool.
 *
 *     node build/bench/pool/main.js [--only NAME,...] [--quick] [--json] [--write]
 *
 * Children run the Node that runs this. `--write` puts each table into docs/benchmarks.md, in the place for this version
 * of Node; `--quick` shows that all works, its figures are worth little.
 */
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { hasBlock, writeBlock } from '../report.ts'
import type { Report, Section } from './section.ts'
import { SECTIONS } from './sections.ts'
import { tableText } from './table.ts'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const chosen = choose(flags.only)
// Known before the measuring: it takes minutes.
if (flags.write) for (const section of chosen) checkBlock(section)

const startedAtMs = performance.now()
const settings = machineText()
if (!flags.json) console.log(settings)
const figures: Record<string, unknown> = {}
for (const section of chosen) {
  const report = await section.measure(flags.quick, (text) => process.stderr.write(`${section.name}: ${text}\n`))
  figures[section.name] = report.figures
  process.stderr.write(`${section.name}: done, ${secondsSoFar()} s so far\n`)
  if (!flags.json) console.log(`\n## ${report.title}\n${textOf(report)}`)
  if (flags.write) writeBlock(blockOf(section), `${textOf(report)}\n\n${settings}`)
}
if (flags.json) console.log(JSON.stringify({ settings, quick: flags.quick, figures }, null, 2))

function choose(only: readonly string[] | undefined): readonly Section[] {
  if (only === undefined) return SECTIONS
  const names = only.flatMap((list) => list.split(','))
  const known = SECTIONS.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`No measure is called "${unknown}"; there are: ${known.join(', ')}`)
  return SECTIONS.filter(({ name }) => names.includes(name))
}

function secondsSoFar(): number {
  return Math.round((performance.now() - startedAtMs) / 1_000)
}

function checkBlock(section: Section): void {
  if (!hasBlock(blockOf(section))) throw new Error(`docs/benchmarks.md has no place for "${blockOf(section)}"`)
}

function blockOf({ name }: Section): string {
  return `pool-${name}-node${process.versions.node.split('.')[0]}`
}

function textOf({ text, table }: Report): string {
  return `${text}\n\n${tableText(table)}`
}

function machineText(): string {
  const model = cpus()[0]?.model.trim()
  const load = (loadavg()[0] as number).toFixed(1)
  return `Node ${process.versions.node}, ${cpus().length} x ${model}, load ${load} when it began.`
}
