// What a file exports, and from where: `{ name, source, from, at, line }`.
// `from` is the file that defines it (under the name `source`), or null when it is defined here, at offset `at`.
import { lineAt } from './source.mjs'

export function exportsOf(source) {
  const { text, code } = source
  const imported = importedNames(source)
  const found = []
  const add = (entry) => found.push({ ...entry, line: lineAt(text, entry.at) })
  for (const match of code.matchAll(EXPORT_ALL))
    add({ name: '*', source: '*', from: literalAt(text, match), at: match.index })
  for (const match of code.matchAll(EXPORT_LIST)) {
    const from = match[2] ? literalAt(text, match) : null
    for (const { name, source } of namesIn(match[1])) {
      const local = from === null ? imported.get(source) : undefined
      if (from !== null) add({ name, source, from, at: match.index })
      else if (local) add({ name, source: local.source, from: local.from, at: match.index })
      else add({ name, source, from, at: definitionOf(code, source) ?? match.index })
    }
  }
  for (const match of code.matchAll(EXPORT_DEFINITION)) {
    if (found.some(({ name }) => name === match[1])) continue
    add({ name: match[1], source: match[1], from: null, at: match.index })
  }
  return found
}

const KEYWORDS = String.raw`(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:class|function\s*\*?|const|let|interface|type|enum)`
const EXPORT_ALL = /(?<![\w$.])export\s+(?:type\s+)?\*[^'"]*['"]/g
const EXPORT_LIST = /(?<![\w$.])export\s+(?:type\s+)?\{([^{}]*)\}(\s*from\s*['"])?/g
const IMPORT_LIST = /(?<![\w$.])import\s+(?:type\s+)?\{([^{}]*)\}\s*from\s*['"]/g
const EXPORT_DEFINITION = new RegExp(String.raw`(?<![\w$.])export\s+${KEYWORDS}\s+([\w$]+)`, 'g')

function importedNames({ text, code }) {
  return new Map(
    [...code.matchAll(IMPORT_LIST)].flatMap((match) => {
      const from = literalAt(text, match)
      return namesIn(match[1]).map(({ name, source }) => [name, { source, from }])
    }),
  )
}

/** "a, type b as c" -> a from a, c from b. */
function namesIn(list) {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^type\s+/, ''))
    .filter((item) => item !== '')
    .map((item) => item.split(/\s+as\s+/))
    .map(([source, name = source]) => ({ name, source }))
}

function definitionOf(code, name) {
  const match = new RegExp(String.raw`(?<![\w$.])${KEYWORDS}\s+${name.replaceAll('$', '\\$')}(?![\w$])`).exec(code)
  return match?.index
}

/** The string whose opening quote ends the match. */
function literalAt(text, match) {
  const quote = match.index + match[0].length - 1
  return text.slice(quote + 1, text.indexOf(text[quote], quote + 1))
}
