// Finds the processes that a test file started, however they detached themselves: they inherited its mark.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const MARK = 'CAROM_TEST_FILE'

/** The environment that marks a process and all it starts. node:test's own variable would make it a part of this run. */
export function markedEnvironment(mark) {
  return { ...process.env, NODE_TEST_CONTEXT: undefined, [MARK]: mark }
}

/** Waits for marked processes to end on their own, kills those that do not, and says which they were. */
export async function endLeftovers(mark, graceMs) {
  const deadline = performance.now() + graceMs
  while (performance.now() < deadline && marked(mark).length > 0) await pause(20)
  const left = marked(mark)
  killMarked(mark)
  return left.map(({ pid, command }) => `${pid} (${command})`)
}

/** SIGKILL, again until nothing is left: a process may start another while the list is read. */
export function killMarked(mark) {
  for (let round = 0; round < 10; round += 1) {
    const found = marked(mark)
    if (found.length === 0) return
    for (const { pid } of found) kill(pid)
  }
}

/** Empty where there is no /proc (macOS). Processes that have ended but were not reaped show no environment. */
function marked(mark) {
  return read(() => readdirSync('/proc'), [])
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(() => readFileSync(`/proc/${pid}/environ`, 'latin1'), '').includes(`${MARK}=${mark}\0`))
    .map((pid) => ({
      pid: Number(pid),
      command: read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')
        .replaceAll('\0', ' ')
        .trim(),
    }))
}

function kill(pid) {
  read(() => process.kill(pid, 'SIGKILL'))
}

/** Processes come and go while /proc is read, and some are not ours. */
function read(attempt, otherwise) {
  try {
    return attempt()
  } catch {
    return otherwise
  }
}
