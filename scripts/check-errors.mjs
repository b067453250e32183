// The codes of src/errors.ts, the pages that explain them and the places that throw them are the same set.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesUnder, lineAt, readSource } from './source.mjs'

const CODES = 'src/errors.ts'
const REFERENCE = 'docs/reference/errors.md'

/** Files that may throw a plain Error, each with its reason. */
const PLAIN_ERRORS = {
  'src/pool/child/socket-channel.ts': 'never reached: the process has killed itself in the line before',
}

export function check(root) {
  const plain = filesUnder(root, 'src').flatMap((file) => plainErrors(readSource(root, file)))
  if (!existsSync(join(root, CODES))) return plain
  const codes = codesOf(readSource(root, CODES))
  return [...plain, ...unusedCodes(root, codes), ...unlistedCodes(root, codes)]
}

function codesOf({ text, code }) {
  const start = code.indexOf('CAROM_ERROR_CODES')
  const end = code.indexOf(']', start)
  return [...text.slice(start, end).matchAll(/'(CAROM_[A-Z_]+)'/g)].map((match) => ({
    name: match[1],
    line: lineAt(text, start + match.index),
  }))
}

/** A code is used by its name, or by making the class in errors.ts that carries it. */
function unusedCodes(root, codes) {
  const classes = classesOf(readSource(root, CODES))
  const used = new Set()
  for (const file of filesUnder(root, 'src')) {
    if (file === CODES) continue
    const { text, code } = readSource(root, file)
    for (const match of text.matchAll(/['"`](CAROM_[A-Z_]+)['"`]/g)) {
      // Blanked in `code`, yet with its quotes: a literal, not a word of a comment.
      if (code[match.index] !== ' ') used.add(match[1])
    }
    for (const match of code.matchAll(/\bnew\s+([\w$]+)\s*\(/g)) used.add(classes.get(match[1]))
  }
  return codes
    .filter(({ name }) => !used.has(name))
    .map(({ name, line }) => ({ file: CODES, line, problem: `no code uses ${name}`, fix: 'throw it or remove it' }))
}

function classesOf({ text }) {
  const found = text.matchAll(/class (\w+) extends CaromError[\s\S]*?super\('(CAROM_[A-Z_]+)'/g)
  return new Map([...found].map((match) => [match[1], match[2]]))
}

/** The reference explains a code under a heading or in the first cell of a table row. */
function unlistedCodes(root, codes) {
  if (!existsSync(join(root, 'docs'))) return []
  if (!existsSync(join(root, REFERENCE))) {
    return [{ file: REFERENCE, line: 1, problem: 'is missing', fix: 'explain every code of src/errors.ts in it' }]
  }
  const text = readFileSync(join(root, REFERENCE), 'utf8')
  const listed = [...text.matchAll(/^(?:#{2,6} +|\| *)`?(CAROM_[A-Z_]+)`?/gm)].map((match) => ({
    name: match[1],
    line: lineAt(text, match.index),
  }))
  return [
    ...codes
      .filter(({ name }) => !listed.some((entry) => entry.name === name))
      .map(({ name, line }) => ({
        file: CODES,
        line,
        problem: `${name} is not explained in ${REFERENCE}`,
        fix: 'give it a heading or a table row there',
      })),
    ...listed
      .filter(({ name }) => !codes.some((entry) => entry.name === name))
      .map(({ name, line }) => ({ file: REFERENCE, line, problem: `${name} is no code`, fix: `see ${CODES}` })),
  ]
}

function plainErrors({ path, text, code }) {
  if (path in PLAIN_ERRORS) return []
  return [...code.matchAll(/\bthrow\s+(?:new\s+)?Error\s*\(/g)].map((match) => ({
    file: path,
    line: lineAt(text, match.index),
    problem: 'throws a plain Error',
    fix: 'throw a CaromError with a code, or a TypeError or RangeError for misuse',
  }))
}
