/** Everything that can be opened and called. */
import { bare, bareTwice } from './bare.ts'
import { carom } from './carom.ts'
import { jestWorker } from './jest-worker.ts'
import type { Library } from './library.ts'
import { plain } from './plain.ts'
import { poolifier } from './poolifier.ts'
import { piscina, tinypool } from './runners.ts'
import { workerpool } from './workerpool.ts'

export const LIBRARIES = {
  carom,
  tinypool,
  workerpool,
  'jest-worker': jestWorker,
  poolifier,
  piscina,
  plain,
  bare,
  'bare-twice': bareTwice,
} satisfies Record<string, Library>

/** `billiard` is Python's, and measured by a program of its own. */
export type LibraryName = keyof typeof LIBRARIES | 'billiard'
