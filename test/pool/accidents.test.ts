import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Accident, EXECUTORS, type ExecutorName, REACH } from '../../src/pool/capabilities.ts'
import { fixture } from './real-pool.ts'

interface Case {
  readonly call: readonly unknown[]
  /** What the caller is told where the accident takes no more than its child. */
  readonly told: object
  /** How the process ends where it takes the whole of it: exit code or signal. */
  readonly end: number | string
}

const CASES: Readonly<Record<Accident, Case>> = {
  'process.exit': { call: ['exit', 3], told: { killedBy: 'itself', exitCode: 3 }, end: 3 },
  'uncaught error': {
    call: ['throwLater'],
    told: { killedBy: 'uncaught-error', exitCode: 1, failure: 'thrown out of the blue' },
    end: 1,
  },
  'full heap': { call: ['fillHeap'], told: { killedBy: 'heap-limit' }, end: 'SIGABRT' },
  'crash of native code': { call: ['kill', 'SIGSEGV'], told: { killedBy: 'signal' }, end: 'SIGSEGV' },
}
const ACCIDENTS = Object.keys(CASES) as Accident[]

for (const executor of EXECUTORS) {
  const contained = ACCIDENTS.filter((accident) => REACH[accident][executor] !== 'the whole process')
  if (contained.length > 0) {
    test(`${executor}: ${contained.join(', ')} take the child with them, and the pool goes on`, async () => {
      const { code, lines } = await run(executor, contained)
      contained.forEach((accident, at) => {
        const { exitCode = null, ...told } = lines[at] as { exitCode?: number | null }
        const expected = { code: 'CAROM_CHILD_LOST', ...CASES[accident].told }
        assert.deepEqual('exitCode' in expected ? { ...told, exitCode } : told, expected, accident)
      })
      assert.deepEqual([lines.at(-1), lines.length, code], [{ result: 3 }, contained.length + 1, 0])
    })
  }
  for (const accident of ACCIDENTS) {
    if (contained.includes(accident)) continue
    test(`${executor}: ${accident} takes the whole process with it`, async () => {
      const { code, signal, lines } = await run(executor, [accident])
      assert.deepEqual([lines, signal ?? code], [[], CASES[accident].end])
    })
  }
}

async function run(executor: ExecutorName, accidents: readonly Accident[]) {
  const calls = JSON.stringify(accidents.map((accident) => CASES[accident].call))
  // A flag of V8 holds for every heap of the process, those of threads too.
  const args = ['--max-old-space-size=32', fileURLToPath(fixture('accident-parent')), executor, calls]
  const script = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let stdout = ''
  script.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const [code, signal] = (await once(script, 'close')) as [number | null, NodeJS.Signals | null]
  const lines = stdout.split('\n').filter((line) => line !== '')
  return { code, signal, lines: lines.map((line) => JSON.parse(line) as object) }
}
