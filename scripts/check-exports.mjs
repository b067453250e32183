// What package.json publishes exists in src/, is listed name by name, and is explained where it is defined.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { exportsOf } from './exports.mjs'
import { lineAt, readSource } from './source.mjs'

export function check(root) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const entries = publicEntries(manifest)
  const violations = [
    ...entries.flatMap(({ subpath, targets }) => targets.flatMap((target) => checkTarget(root, subpath, target))),
    ...Object.entries(manifest.bin ?? {}).flatMap(([name, target]) => checkProgram(root, name, target)),
    ...entries.flatMap(({ targets }) => {
      const file = sourceOf(targets.at(-1))
      return existsSync(join(root, file)) ? checkEntry(root, file) : []
    }),
  ]
  // Two subpaths may publish the same name.
  return [...new Map(violations.map((violation) => [JSON.stringify(violation), violation])).values()]
}

function publicEntries({ exports = {} }) {
  return Object.entries(exports)
    .filter(([subpath]) => subpath !== './package.json')
    .map(([subpath, target]) => ({ subpath, targets: typeof target === 'string' ? [target] : Object.values(target) }))
}

/** dist/a.js and dist/a.d.ts are both made from src/a.ts. */
function sourceOf(target) {
  return target.replace(/^\.?\/?dist\//, 'src/').replace(/(?:\.d\.ts|\.js)$/, '.ts')
}

function checkTarget(root, name, target) {
  if (existsSync(join(root, sourceOf(target)))) return []
  const problem = `"${name}" leads to ${target}, but there is no ${sourceOf(target)}`
  return [{ file: 'package.json', line: 1, problem, fix: 'write the file or remove the entry' }]
}

function checkProgram(root, name, target) {
  const file = sourceOf(target)
  if (!existsSync(join(root, file))) return checkTarget(root, name, target)
  if (readFileSync(join(root, file), 'utf8').startsWith('#!/usr/bin/env node\n')) return []
  return [{ file, line: 1, problem: 'a program without a hashbang', fix: 'start it with #!/usr/bin/env node' }]
}

function checkEntry(root, file) {
  return exportsOf(readSource(root, file)).flatMap((entry) => {
    if (entry.name !== '*') return checkDocumented(root, file, entry)
    return [{ file, line: entry.line, problem: 'exports everything of another file', fix: 'list the names one by one' }]
  })
}

/** Follows re-exports to the definition and looks for the docstring above it. */
function checkDocumented(root, file, entry) {
  if (entry.from !== null) {
    const next = entry.from.startsWith('.') ? posix.join(dirname(file), entry.from) : null
    if (next === null) return []
    const found = existsSync(join(root, next))
      ? exportsOf(readSource(root, next)).find(({ name }) => name === entry.source)
      : undefined
    if (found) return checkDocumented(root, next, found)
    const problem = `cannot find "${entry.source}" in ${next}`
    return [{ file, line: entry.line, problem, fix: 'export it there by its name' }]
  }
  const source = readSource(root, file)
  const above = source.comments.filter((comment) => isAbove(source, comment, entry.at))
  if (above.some(({ start }) => source.text.startsWith('/**', start))) return []
  const problem = `the public "${entry.name}" has no docstring`
  return [{ file, line: lineAt(source.text, entry.at), problem, fix: 'say in /** ... */ above it what it gives' }]
}

/** Nothing but comments in between, and no empty line: that would be the purpose of the file, not of the export. */
function isAbove({ text, code }, { end }, at) {
  return end <= at && code.slice(end, at).trim() === '' && !/\n[ \t]*\n/.test(text.slice(end, at))
}
