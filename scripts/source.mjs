// The project's files as the house rules see them: which there are, what is code in them, and what they import.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { separate } from './lexer.mjs'

/** Every file under `folder` whose name ends in `ending`, as paths from `root`, sorted; none if the folder is missing. */
export function filesUnder(root, folder, ending = '.ts') {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesUnder(root, path, ending)
      return entry.name.endsWith(ending) ? [path] : []
    })
}

/** A file's `text`, its `code` (comments and literals blanked, offsets kept) and its `comments`. */
export function readSource(root, path) {
  const text = readFileSync(join(root, path), 'utf8')
  return { path, text, ...separate(text) }
}

/** Imports, re-exports, `import()` and `require()` of a literal: `{ specifier, line, lazy }`. */
export function importsOf({ text, code }) {
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)]).map((match) => {
    const quote = match.index + match[0].length - 1
    const specifier = text.slice(quote + 1, code.indexOf(text[quote], quote + 1))
    return { specifier, line: lineAt(text, quote), lazy: match[0].includes('(') }
  })
}

export function lineAt(text, offset) {
  return text.slice(0, offset).split('\n').length
}

const CLAUSE = String.raw`(?:type\s+)?(?:[\w$]+\s*,\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^{}]*\}|[\w$]+)`
const IMPORTS = [
  new RegExp(String.raw`(?<![\w$.])(?:import|export)\s*${CLAUSE}\s*from\s*['"]`, 'g'),
  /(?<![\w$.])import\s*['"]/g,
  /(?<![\w$.])(?:import|require)\s*\(\s*['"]/g,
]
