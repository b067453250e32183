/** Puts a table into docs/benchmarks.md, between the markers of its benchmark. */
import { readFileSync, writeFileSync } from 'node:fs'

const FILE = 'docs/benchmarks.md'

export function hasBlock(name: string): boolean {
  return find(readFileSync(FILE, 'utf8'), name) !== null
}

export function writeBlock(name: string, text: string): void {
  const document = readFileSync(FILE, 'utf8')
  const block = find(document, name)
  if (block === null) {
    const [start, end] = markers(name)
    throw new Error(`${FILE} has no place for it: it needs the lines ${start} and ${end}`)
  }
  writeFileSync(FILE, `${document.slice(0, block.from)}\n${text}\n${document.slice(block.to)}`)
}

function find(document: string, name: string): { readonly from: number; readonly to: number } | null {
  const [start, end] = markers(name)
  const at = document.indexOf(start)
  const to = document.indexOf(end)
  return at === -1 || to < at ? null : { from: at + start.length, to }
}

function markers(name: string): readonly [start: string, end: string] {
  return [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`]
}
