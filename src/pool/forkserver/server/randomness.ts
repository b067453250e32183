/** What would come out the same in every child that is forked from one process. */
import type { Addon } from '../../../native/addon.ts'

/**
 * `Math.random` is a generator of our own from here on, for preloaded code too, which may keep it. In a child it is only
 * seeded anew: another function in its place would be a change of `Math`, upon which V8 drops code that counts on it.
 */
export function takeOverRandom(addon: Addon): void {
  state.set(addon.randomWords())
  Object.defineProperty(Math, 'random', { value: random, writable: true, configurable: true })
}

/** Own random numbers for this process: `Math.random`, `randomUUID`, `randomInt`. The rest asks the system anyway. */
export function becomeUnpredictable(addon: Addon): void {
  state.set(addon.randomWords())
  if (mayHaveStores()) emptyStores()
}

/**
 * Does the same so often, in the server and to no effect, that V8 has made up its mind how to compile it: a child would
 * compile it anew, into half a megabyte of memory of its own.
 */
export function rehearseRandomness(): void {
  if (!mayHaveStores()) return
  for (let round = 0; round < REHEARSALS; round++) emptyStores()
}

/**
 * Where nobody has loaded the modules that hold them there are none. To load those for nothing takes longer than the fork,
 * and a tenth of what a child has of its own. Whatever Node calls them, they are named after what they are for.
 */
function mayHaveStores(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }
  return moduleLoadList?.some((name) => name.includes('crypto')) !== false
}

/** Both hand out what they have in store before they ask for more. */
function emptyStores(): void {
  const { randomUUID, randomInt } = process.getBuiltinModule('node:crypto')
  for (let left = UUIDS_IN_STORE; left > 0; left--) randomUUID()
  for (let left = INTEGERS_IN_STORE; left > 0; left--) randomInt(2)
}

const REHEARSALS = 40
const UUIDS_IN_STORE = 128
const INTEGERS_IN_STORE = 1_024

/** xoshiro128**. */
const state = new Uint32Array(4)

/** Two words for the 53 bits of a number. */
function random(): number {
  return ((nextWord() >>> 5) * 67_108_864 + (nextWord() >>> 6)) / 9_007_199_254_740_992
}

function nextWord(): number {
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  const product = Math.imul(b, 5)
  const result = Math.imul((product << 7) | (product >>> 25), 9)
  const shifted = b << 9
  c ^= a
  d ^= b
  b ^= c
  a ^= d
  c ^= shifted
  d = (d << 11) | (d >>> 21)
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
  return result >>> 0
}
