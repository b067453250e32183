// npm run check [-- RULE...]: the linter, the compiler and the house rules that neither of them knows.
import { spawn } from 'node:child_process'
import * as cycles from './check-cycles.mjs'
import * as dependencies from './check-dependencies.mjs'
import * as errors from './check-errors.mjs'
import * as exportsRule from './check-exports.mjs'
import * as imports from './check-imports.mjs'
import * as lock from './check-lock.mjs'
import * as size from './check-size.mjs'
import * as words from './check-words.mjs'
import { ensureInstalled } from './install.mjs'
import { main, Refusal, root, seconds } from './steps.mjs'

const RULES = { imports, cycles, dependencies, size, exports: exportsRule, errors, words, lock }

const PROGRAMS = {
  biome: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '--max-diagnostics=200', '.'],
  tsc: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'],
}

await main(async () => {
  const only = process.argv.slice(2)
  const unknown = only.find((name) => !(name in RULES) && !(name in PROGRAMS))
  const known = [...Object.keys(PROGRAMS), ...Object.keys(RULES)]
  if (unknown !== undefined) throw new Refusal(`No rule is called "${unknown}". Rules: ${known.join(', ')}`)
  ensureInstalled()
  const chosen = known.filter((name) => only.length === 0 || only.includes(name))
  // The programs run beside the house rules, and each rule prints all it found: one run shows everything.
  const programs = chosen.filter((name) => name in PROGRAMS).map((name) => ({ name, done: runProgram(PROGRAMS[name]) }))
  const failed = chosen.filter((name) => name in RULES && !runRule(name))
  for (const { name, done } of programs) {
    const { ok, output, ms } = await done
    report(name, ok, ms, output.trim())
    if (!ok) failed.push(name)
  }
  if (failed.length > 0) throw new Refusal(`Failed: ${failed.join(', ')}`)
})

function runRule(name) {
  const startedMs = performance.now()
  const violations = RULES[name].check(root)
  const ok = violations.every(({ warning }) => warning)
  report(name, ok, performance.now() - startedMs, violations.map(lineOf).join('\n'))
  return ok
}

function lineOf({ file, line, problem, fix, warning }) {
  return `  ${file}:${line} ${warning ? '(warning) ' : ''}${problem}: ${fix}`
}

function report(name, ok, ms, output) {
  console.log(
    `${ok ? '✔' : '✖'} ${name} (${seconds(ms)})${output === '' || (ok && name in PROGRAMS) ? '' : `\n${output}`}`,
  )
}

function runProgram([script, ...args]) {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ ok: code === 0, output, ms: performance.now() - startedMs }))
  })
}
