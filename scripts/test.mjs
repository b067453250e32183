// npm test [-- ROOM...] [--file PATTERN...] [--node MAJOR] [--fork] [--minutes MINUTES]: compiles everything and runs the
// tests, each file in a process of its own. Rooms are the folders of test/; PATTERN is a part of a file's path. With --fork
// children are forked wherever a test does not say how they start. MINUTES is how long a file may take that is asked for
// more than `npm test` asks of it. Installs nothing.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPackage, buildTests } from './compile.mjs'
import { staleReason } from './install.mjs'
import { runInLanes } from './lanes.mjs'
import { NODE_VARIABLE, otherNode } from './other-nodes.mjs'
import { filesUnder, readSource } from './source.mjs'
import { main, Refusal, root, seconds } from './steps.mjs'
import { missingPackages, SKIP_VARIABLE, skipNotice } from './system-packages.mjs'
import { killTestFiles, runTestFile } from './test-file.mjs'

const TIMEOUT_MS = 60_000
/** A file over this is split, made faster, or listed with its reason; listed files get the long timeout. */
const SLOW_MS = 30_000
const SLOW_TIMEOUT_MS = 180_000
const SLOW_LIST = 'scripts/slow-tests.json'

await main(async () => {
  const options = {
    file: { type: 'string', multiple: true, default: [''] },
    node: { type: 'string' },
    fork: { type: 'boolean' },
    minutes: { type: 'string' },
  }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const stale = staleReason(root)
  if (stale !== null)
    throw new Refusal(`The npm packages are not those of the lock file (${stale}): run npm run verify`)
  const slowTests = readSlowTests()
  const files = chooseFiles(positionals, values.file)
  const startedMs = performance.now()
  buildTests()
  buildPackage()
  reportTypeTests()
  const longestMs = values.minutes === undefined ? undefined : Number(values.minutes) * 60_000
  const results = await runAll(files, slowTests, { node: nodeOf(values.node), env: environment(values), longestMs })
  report(results, performance.now() - startedMs)
})

/** Compiling them is their test, so all that is left is to see that the compilation had them. */
function reportTypeTests() {
  const files = filesUnder(root, 'test', '.types.ts')
  const absent = files.find((file) => !existsSync(join(root, 'build', file.replace(/\.ts$/, '.js'))))
  if (absent !== undefined) throw new Refusal(`${absent} was not compiled: see "include" in tsconfig.json`)
  const calls = files.flatMap((file) => readSource(root, file).text.match(/@ts-expect-error/g) ?? []).length
  console.log(`Type tests: ${files.length} files compiled, ${calls} wrong uses refused by the compiler`)
}

function readSlowTests() {
  const slowTests = JSON.parse(readFileSync(join(root, SLOW_LIST), 'utf8'))
  const ghost = Object.keys(slowTests).find((file) => !existsSync(join(root, file)))
  if (ghost !== undefined) throw new Refusal(`${SLOW_LIST} lists ${ghost}, which does not exist`)
  return slowTests
}

/** Test files as their sources: test/pool/machine.test.ts. */
function chooseFiles(rooms, parts) {
  const all = filesUnder(root, 'test', '.test.ts')
  const inRoom = (file, room) => file.startsWith(`test/${room}/`)
  const unknown = rooms.find((room) => !all.some((file) => inRoom(file, room)))
  const known = [...new Set(all.map((file) => file.split('/')[1]))].join(', ')
  if (unknown !== undefined) throw new Refusal(`No tests in the room "${unknown}". Rooms: ${known}`)
  const isWanted = (file) => parts.some((part) => file.includes(part))
  const chosen = all.filter((file) => isWanted(file) && (rooms.length === 0 || rooms.some((r) => inRoom(file, r))))
  if (chosen.length === 0) throw new Refusal(`No test file has "${parts.join('" or "')}" in its path`)
  return chosen
}

/** The program that runs the tests. */
function nodeOf(major) {
  if (major === undefined) return process.execPath
  const path = otherNode(major)
  if (path === undefined) throw new Refusal(`Node ${major} is not installed: run npm run test:nodes`)
  return path
}

function environment({ fork = false }) {
  const missing = missingPackages().map((entry) => entry.package)
  if (missing.length > 0) console.log(skipNotice(missing))
  const other = otherNode(24)
  return {
    [SKIP_VARIABLE]: missing.join(','),
    ...(other !== undefined && { [NODE_VARIABLE]: other }),
    ...(fork && { CAROM_TEST_START_METHOD: 'fork' }),
  }
}

async function runAll(files, slowTests, options) {
  const stopped = new AbortController()
  // The files have process groups of their own, so the terminal's signals do not reach them.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      stopped.abort()
      killTestFiles()
    })
  }
  const isSlow = (file) => file in slowTests
  const run = (file) => runOne(file, { ...options, listed: isSlow(file) })
  return runInLanes(files, { isSlow, signal: stopped.signal, run })
}

async function runOne(file, { node, env, longestMs, listed }) {
  const compiled = join(root, 'build', file.replace(/\.ts$/, '.js'))
  const timeoutMs = longestMs ?? (listed ? SLOW_TIMEOUT_MS : TIMEOUT_MS)
  const result = await runTestFile(compiled, { node, timeoutMs, env })
  if (result.ms > SLOW_MS && result.ms < timeoutMs && !listed) {
    result.problems.push(`took over ${seconds(SLOW_MS)}: split it, or list it in ${SLOW_LIST} with the reason`)
  }
  console.log(`\n${result.problems.length === 0 ? '✔' : '✖'} ${file} (${seconds(result.ms)})\n${result.output}`)
  return { file, ...result }
}

function report(results, ms) {
  const sum = (count) => results.reduce((total, result) => total + count(result), 0)
  const slowest = [...results].sort((a, b) => b.ms - a.ms).slice(0, 5)
  console.log(`\nSlowest files: ${slowest.map((result) => `${result.file} ${seconds(result.ms)}`).join(', ')}`)
  for (const { file, skipped } of results) for (const title of skipped) console.log(`Skipped: ${file}: ${title}`)
  const counts = [
    `${sum((r) => r.passed)} passed`,
    `${sum((r) => r.failed)} failed`,
    `${sum((r) => r.skipped.length)} skipped`,
  ]
  console.log(`${counts.join(', ')} in ${results.length} files, ${seconds(ms)}`)
  const bad = results.filter(({ problems }) => problems.length > 0)
  const lines = bad.map(({ file, problems }) => `  ${file} ${problems.join('; ')}`)
  if (bad.length > 0) throw new Refusal(`Failed files:\n${lines.join('\n')}`)
}
