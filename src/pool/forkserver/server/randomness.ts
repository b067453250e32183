/** What would come out the same in every child that is forked from one process. */
import type { Addon } from '../../../native/addon.ts'

/** Own random numbers for this process: `Math.random`, `randomUUID`, `randomInt`. The rest asks the system anyway. */
export function becomeUnpredictable(addon: Addon): void {
  Object.defineProperty(Math, 'random', { value: generator(addon), writable: true, configurable: true })
  if (mayHaveStores()) emptyStores()
}

/**
 * Does the same so often, in the server and to no effect, that V8 has made up its mind how to compile it: a child would
 * compile it anew, into half a megabyte of memory of its own.
 */
export function rehearseRandomness(addon: Addon): void {
  const random = generator(addon)
  for (let round = 0; round < REHEARSALS; round++) {
    random()
    emptyStores()
  }
}

/**
 * Where nobody has loaded the modules that hold them there are none, and loading those for nothing takes longer than the
 * fork does. Whatever Node calls them, they are named after what they are for.
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

/** xoshiro128**, two words of it for the 53 bits of a number. */
function generator(addon: Addon): () => number {
  let [a, b, c, d] = addon.randomWords()
  const next = (): number => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }
  return function random() {
    return ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992
  }
}
