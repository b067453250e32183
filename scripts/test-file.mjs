// Runs one compiled test file in a process of its own, and takes care that nothing of it remains.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { endLeftovers, killMarked, markedEnvironment } from './leftovers.mjs'
import { root, seconds } from './steps.mjs'
import { readJournal } from './test-journal.mjs'

/** How long what a test started may take to end after it. */
const GRACE_MS = 2_000
const COUNTER_LINES = /^ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\n/gm
const NO_TESTS = { passed: 0, failed: 0, skipped: [] }

const running = new Set()

/** Gives `{ output, ms, problems, passed, failed, skipped }`; the file is fine when `problems` is empty. */
export async function runTestFile(file, { node = process.execPath, timeoutMs, env }) {
  const mark = randomUUID()
  const folder = mkdtempSync(join(tmpdir(), 'carom-test-'))
  const journalFile = join(folder, 'journal')
  running.add(mark)
  try {
    const end = await runProcess(file, { node, mark, journalFile, timeoutMs, env })
    const journal = readJournal(existsSync(journalFile) ? readFileSync(journalFile, 'utf8') : '')
    const problems = problemsOf(end, journal, timeoutMs)
    return { output: end.output, ms: end.ms, problems, ...(journal.totals ?? NO_TESTS) }
  } finally {
    running.delete(mark)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Kills the test files that run, with all they started. */
export function killTestFiles() {
  for (const mark of running) killMarked(mark)
}

/**
 * The file is run without `--test`: with it, a runner stands between this process and the file, ends it after its
 * deadline by a signal that the file may handle, and puts variables of its own into what the file starts.
 */
async function runProcess(file, { node, mark, journalFile, timeoutMs, env }) {
  const startedMs = performance.now()
  const child = spawn(node, [...reporters(journalFile), file], {
    cwd: root,
    detached: true,
    env: { ...markedEnvironment(mark), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks = []
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => chunks.push(chunk))
  const closed = once(child, 'close')
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    process.kill(-child.pid, 'SIGKILL')
  }, timeoutMs)
  const [code, signal] = await once(child, 'exit')
  clearTimeout(timer)
  const ms = performance.now() - startedMs
  const left = await endLeftovers(mark, timedOut ? 0 : GRACE_MS)
  // What has lost its mark may still hold the pipes.
  await Promise.race([closed, pause(GRACE_MS, undefined, { ref: false })])
  child.stdout.destroy()
  child.stderr.destroy()
  return { output: chunks.join('').replace(COUNTER_LINES, '').trim(), ms, code, signal, timedOut, left }
}

function reporters(journalFile) {
  return [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts/test-journal.mjs')}`,
    `--test-reporter-destination=${journalFile}`,
  ]
}

function problemsOf({ code, signal, timedOut, left }, { totals, pending }, timeoutMs) {
  const at = pending.length === 0 ? '' : ` while it ran: ${pending.map((name) => `"${name}"`).join(', ')}`
  if (timedOut) return [`was killed after ${seconds(timeoutMs)}${at}`]
  const problems = left.length > 0 ? [`left processes behind: ${left.join(', ')}`] : []
  const ended = `ended with ${signal === null ? `exit code ${code}` : signal}`
  // Only node:test's own end writes the totals, so a file that calls process.exit(0) does not pass.
  if (totals === null) problems.push(`${ended} and no test results${at}`)
  else if (totals.failed > 0) problems.push(`${totals.failed} failed`)
  else if (code !== 0) problems.push(ended)
  return problems
}
