import assert from 'node:assert/strict'
import test from 'node:test'
import { loadScript } from './fixture-tree.ts'

interface Lanes {
  readonly isSlow: (file: string) => boolean
  readonly signal: AbortSignal
  readonly run: (file: string) => Promise<string>
  readonly cores: number
}

type RunInLanes = (files: readonly string[], lanes: Lanes) => Promise<string[]>

const { runInLanes } = await loadScript<{ runInLanes: RunInLanes }>('lanes.mjs')

const COMPUTING = Array.from({ length: 6 }, (_, index) => `test/pool/${index}.test.ts`)
const WAITING = Array.from({ length: 5 }, (_, index) => `test/brokers/${index}.test.ts`)

/** Runs them on two cores, ends whichever ran longest, and gives what ran at the same time, at each end. */
async function timesOf(files: readonly string[], isSlow = (_: string) => false): Promise<string[][]> {
  const running = new Map<string, (file: string) => void>()
  const times: string[][] = []
  const run = (file: string) => new Promise<string>((resolve) => running.set(file, resolve))
  const all = runInLanes(files, { isSlow, signal: new AbortController().signal, run, cores: 2 })
  while (running.size > 0) {
    times.push([...running.keys()])
    const [[file, end]] = running as unknown as [[string, (file: string) => void]]
    running.delete(file)
    end(file)
    await new Promise(setImmediate)
  }
  assert.deepEqual((await all).sort(), [...files].sort())
  return times
}

const isComputing = (file: string) => COMPUTING.includes(file)

test('two files that compute run at once on two cores, and one that waits beside them', async () => {
  const times = await timesOf([...COMPUTING, ...WAITING])
  assert.deepEqual(times[0], [COMPUTING[0], COMPUTING[1], WAITING[0]])
  assert.equal(Math.max(...times.map((files) => files.length)), 3)
  assert.equal(Math.max(...times.map((files) => files.filter(isComputing).length)), 2)
})

test('files of one kind run as many at once as there are lanes for them', async () => {
  assert.equal(Math.max(...(await timesOf(COMPUTING)).map((files) => files.length)), 2)
  assert.equal(Math.max(...(await timesOf(WAITING)).map((files) => files.length)), 3)
})

test('slow files begin first', async () => {
  const slow = [COMPUTING[5] as string, WAITING[4] as string]
  const [first] = await timesOf([...COMPUTING, ...WAITING], (file) => slow.includes(file))
  assert.deepEqual(first, [...slow, COMPUTING[0]])
})

test('after the signal no further file begins', async () => {
  const stopped = new AbortController()
  const run = async (file: string) => {
    stopped.abort()
    return file
  }
  const lanes = { isSlow: () => false, signal: stopped.signal, run, cores: 1 }
  assert.deepEqual(await runInLanes(COMPUTING, lanes), COMPUTING.slice(0, 1))
})
