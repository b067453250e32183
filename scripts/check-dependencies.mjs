// Each dependency has its line in ARCHITECTURE.md, and no line speaks of one that is gone.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMarked, readRooms } from './rooms.mjs'

/** The list's items name their packages before the first colon: "- `a`, `b`: why". */
export function check(root) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const runtime = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  const every = [...runtime, ...Object.keys(manifest.devDependencies ?? {})]
  const { lines, firstLine, violations } = readMarked(root, 'dependencies')
  if (violations.length > 0) return violations
  const listed = lines.flatMap((text, index) => namesIn(text).map((name) => ({ name, line: firstLine + index })))
  return [
    ...every
      .filter((name) => !listed.some((entry) => entry.name === name))
      .map((name) => at(firstLine, `the dependency "${name}" has no line`, 'say in one line why it is there')),
    ...listed
      .filter(({ name }) => !every.includes(name))
      .map(({ name, line }) => at(line, `"${name}" is no dependency`, 'remove it from the list')),
    ...readRooms(root).rooms.flatMap(({ packages, line }) =>
      packages
        .filter((name) => !runtime.includes(name))
        .map((name) => at(line, `a room may import "${name}", which is no dependency`, 'add it to package.json')),
    ),
  ]
}

function namesIn(line) {
  if (!/^\s*[-*|]/.test(line)) return []
  return [...line.split(':')[0].matchAll(/`([^`]+)`/g)].map((match) => match[1])
}

function at(line, problem, fix) {
  return { file: 'ARCHITECTURE.md', line, problem, fix }
}
