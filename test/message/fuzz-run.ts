/**
 * Runs a decoder over tens of thousands of spoilt cases.
 *
 * CAROM_FUZZ_SEED=4711 repeats a run, CAROM_FUZZ_CASE=1234 with it that one case alone; CAROM_FUZZ_CASES=1000000 runs more.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Random, randomFrom } from '../pool/random.ts'
import { checkPollution } from './fuzzed-message.ts'

const SEED = Number(process.env.CAROM_FUZZ_SEED ?? Date.now() % 1_000_000_000)
const CASES = Number(process.env.CAROM_FUZZ_CASES ?? 50_000)
const ONLY = process.env.CAROM_FUZZ_CASE === undefined ? null : Number(process.env.CAROM_FUZZ_CASE)
/** Of what is read and thrown away; V8 lets garbage lie about, so this is far above what is held at once. */
const MOST_GROWTH_BYTES = 1024 ** 3

/**
 * Fifty thousand cases, each from a seed of its own. Some have to be read and some refused, or it would show nothing.
 *
 * @param stream another for each decoder, so that they see other cases.
 * @param check true for what was read, false for what was refused as it should be.
 */
export function fuzz(t: TestContext, stream: number, check: (random: Random) => boolean): void {
  t.diagnostic(`CAROM_FUZZ_SEED=${SEED}`)
  // Half the time; a case that is brought back has its stack.
  if (ONLY === null) Error.stackTraceLimit = 0
  const before = process.memoryUsage().rss
  let read = 0
  for (let index = ONLY ?? 0; index < (ONLY === null ? CASES : ONLY + 1); index++) {
    try {
      if (check(randomFrom(SEED * 7 + index * 2_654_435 + stream))) read++
      if (index % 1_000 === 0) checkPollution()
    } catch (cause) {
      throw new Error(`CAROM_FUZZ_SEED=${SEED} CAROM_FUZZ_CASE=${index} brings it back`, { cause })
    }
  }
  checkPollution()
  const grown = process.memoryUsage().rss - before
  assert.ok(grown < MOST_GROWTH_BYTES, `the process has grown by ${grown} bytes (seed ${SEED})`)
  if (ONLY === null) assert.ok(read > CASES / 100 && read < CASES * 0.9, `${read} of ${CASES} were read (seed ${SEED})`)
}
