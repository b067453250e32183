/** What would come out the same in every child that is forked from one process. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

/** Own random numbers for this process: `Math.random`, `randomUUID`, `randomInt`. The rest asks the system anyway. */
export function becomeUnpredictable(): void {
  Object.defineProperty(Math, 'random', { value: generator(), writable: true, configurable: true })
  emptyStores()
}

/**
 * Does the same so often, in the server and to no effect, that V8 has made up its mind how to compile it: a child would
 * compile it anew, into half a megabyte of memory of its own.
 */
export function rehearseRandomness(): void {
  const random = generator()
  for (let round = 0; round < REHEARSALS; round++) {
    random()
    emptyStores()
  }
}

/** Both hand out what they have in store before they ask for more. */
function emptyStores(): void {
  for (let left = UUIDS_IN_STORE; left > 0; left--) randomUUID()
  for (let left = INTEGERS_IN_STORE; left > 0; left--) randomInt(2)
}

const REHEARSALS = 40
const UUIDS_IN_STORE = 128
const INTEGERS_IN_STORE = 1_024

/** xoshiro128**, two words of it for the 53 bits of a number. */
function generator(): () => number {
  const state = new Uint32Array(randomBytes(16).buffer.slice(0, 16))
  let [a, b, c, d] = state as unknown as [number, number, number, number]
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
