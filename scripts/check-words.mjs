// Words that never stay: `any`, notes to oneself, focused or silently skipped tests, sleeping tests, attics.
import { basename } from 'node:path'
import { filesUnder, lineAt, readSource } from './source.mjs'

const CODE_FOLDERS = ['src', 'test', 'bench', 'demo']
const ATTICS = /^(?:utils?|helpers?|common|misc|lib|base|shared|manager|interfaces|enums)$/
const ATTIC_FILES = /^(?:utils?|helpers?|common|misc|.+-(?:utils?|helpers?|manager)|base-.+)\.ts$/

/** Programs that tests run stand in `fixtures` folders: they may take their time on purpose. */
const MAY_SLEEP = /^test\/support\/wait\.ts$|\/fixtures\//

const WORDS = [
  {
    pattern: /(?<![\w$.'"])any(?![\w$]|\s*\??\s*[:(=])/g,
    problem: 'the type any',
    fix: 'use unknown and narrow it',
  },
]

const TEST_WORDS = [
  {
    pattern: /\b(?:test|it|describe|suite|t)\.only\s*\(|\bonly\s*:\s*true\b/g,
    problem: 'a focused test hides all others',
    fix: 'remove .only',
  },
  {
    pattern:
      /\b(?:test|it|describe|suite)\.(?:skip|todo)\s*\(|\b(?:skip|todo)\s*:\s*true\b|\b\w+\.(?:skip|todo)\s*\(\s*\)/g,
    problem: 'a skipped test that does not say why',
    fix: "write { skip: 'the reason' } or t.skip('the reason')",
  },
]

const SLEEP = {
  pattern:
    /\bnew\s+Promise\b[^;{}]{0,80}\bsetTimeout\s*\(\s*\w+\s*[,)]|\bpromisify\s*\(\s*setTimeout\b|\bimport\s*\{[^{}]*\bsetTimeout\b[^{}]*\}\s*from\b|\bAtomics\.wait\s*\(/g,
  problem: 'a test that sleeps is slow on a fast machine and wrong on a slow one',
  fix: 'wait for an event, or for a condition with until() from test/support/wait.ts',
}

export function check(root) {
  return [
    ...CODE_FOLDERS.flatMap((folder) => filesUnder(root, folder)).flatMap((file) => [
      ...attics(file),
      ...wordsIn(readSource(root, file)),
    ]),
    ...filesUnder(root, 'scripts', '.mjs').flatMap((file) => notes(readSource(root, file))),
  ]
}

function wordsIn(source) {
  const isTest = source.path.startsWith('test/')
  const rules = [...WORDS, ...(isTest ? TEST_WORDS : []), ...(isTest && !MAY_SLEEP.test(source.path) ? [SLEEP] : [])]
  return [
    ...notes(source),
    ...rules.flatMap(({ pattern, problem, fix }) =>
      [...source.code.matchAll(pattern)].map((match) => ({
        file: source.path,
        line: lineAt(source.text, match.index),
        problem,
        fix,
      })),
    ),
  ]
}

function notes({ path, text, comments }) {
  return comments.flatMap(({ start, end }) =>
    [...text.slice(start, end).matchAll(/\b(?:TODO|FIXME|XXX|HACK)\b/g)].map((match) => ({
      file: path,
      line: lineAt(text, start + match.index),
      problem: `a note to oneself: ${match[0]}`,
      fix: 'do it, or open an issue',
    })),
  )
}

function attics(file) {
  const folder = file
    .split('/')
    .slice(1, -1)
    .find((name) => ATTICS.test(name))
  const fix = 'name it after what it holds'
  if (folder !== undefined) return [{ file, line: 1, problem: `the folder name "${folder}" says nothing`, fix }]
  if (!ATTIC_FILES.test(basename(file))) return []
  return [{ file, line: 1, problem: `the file name "${basename(file)}" says nothing`, fix }]
}
