/** The command line of a benchmark that is made of sections. */
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { hasBlock, writeBlock } from './report.ts'
import type { Report, Section } from './section.ts'
import { tableText } from './table.ts'

/**
 * `[--only NAME,...] [--quick] [--json] [--write]`: measures the sections and prints each as a table. `--write` puts the
 * tables into docs/benchmarks.md, where `BENCHMARK-SECTION-nodeMAJOR` has its place.
 */
export async function runSections(benchmark: string, sections: readonly Section[]): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  })
  const chosen = choose(sections, flags.only)
  const blockOf = ({ name }: Section) => `${benchmark}-${name}-node${process.versions.node.split('.')[0]}`
  // Known before the measuring: it takes minutes.
  const homeless = flags.write ? chosen.find((section) => !hasBlock(blockOf(section))) : undefined
  if (homeless !== undefined) throw new Error(`docs/benchmarks.md has no place for "${blockOf(homeless)}"`)

  const startedAtMs = performance.now()
  const settings = machineText()
  if (!flags.json) console.log(settings)
  const figures: Record<string, unknown> = {}
  for (const section of chosen) {
    const report = await section.measure(flags.quick, (text) => process.stderr.write(`${section.name}: ${text}\n`))
    figures[section.name] = report.figures
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000)
    process.stderr.write(`${section.name}: done, ${seconds} s so far\n`)
    if (!flags.json) console.log(`\n## ${report.title}\n${textOf(report)}`)
    if (flags.write) writeBlock(blockOf(section), `${textOf(report)}\n\n${settings}`)
  }
  if (flags.json) console.log(JSON.stringify({ settings, quick: flags.quick, figures }, null, 2))
}

function choose(sections: readonly Section[], only: readonly string[] | undefined): readonly Section[] {
  if (only === undefined) return sections
  const names = only.flatMap((list) => list.split(','))
  const known = sections.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`No measure is called "${unknown}"; there are: ${known.join(', ')}`)
  return sections.filter(({ name }) => names.includes(name))
}

function textOf({ text, table }: Report): string {
  return `${text}\n\n${tableText(table)}`
}

function machineText(): string {
  const model = cpus()[0]?.model.trim()
  const load = (loadavg()[0] as number).toFixed(1)
  return `Node ${process.versions.node}, ${cpus().length} x ${model}, load ${load} when it began.`
}
