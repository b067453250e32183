/** Puts a table into docs/benchmarks.md, between the markers of its benchmark. */
import { readFileSync, writeFileSync } from 'node:fs'

const FILE = 'docs/benchmarks.md'

export function writeBlock(name: string, text: string): void {
  const document = readFileSync(FILE, 'utf8')
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`]
  const from = document.indexOf(start)
  const to = document.indexOf(end)
  if (from === -1 || to < from) throw new Error(`${FILE} has no place for it: it needs the lines ${start} and ${end}`)
  writeFileSync(FILE, `${document.slice(0, from + start.length)}\n${text}\n${document.slice(to)}`)
}
