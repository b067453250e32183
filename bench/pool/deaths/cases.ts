/** What is done to a child, and to a parent. */

export interface DeathCase {
  readonly name: string
  readonly title: string
  /** Of `fixtures/functions.ts`: the job that does it. */
  readonly job: string
  readonly timeLimitMs: number | null
  /** What is allowed beyond the usual deadline: V8 takes its time before it gives up. */
  readonly extraMs: number
  /** Of the parent, and so of its children. */
  readonly env: NodeJS.ProcessEnv
}

/** Kept by the pool's own means: an option, a method, an AbortSignal. */
export const TIME_LIMIT_MS = 500
/** Enough for a while of `exhaustHeap`, little enough for a quick end. */
const HEAP_MB = 64

export const CASES: readonly DeathCase[] = [
  { name: 'killed', title: 'a child is killed by SIGKILL', job: 'killSelf', timeLimitMs: null, extraMs: 0, env: {} },
  { name: 'exit', title: 'a job calls process.exit(3)', job: 'exitNow', timeLimitMs: null, extraMs: 0, env: {} },
  {
    name: 'heap',
    title: `a job runs out of heap (${HEAP_MB} MB)`,
    job: 'exhaustHeap',
    timeLimitMs: null,
    extraMs: 5_000,
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
  },
  {
    name: 'spin',
    title: `a job spins for ever, time limit ${TIME_LIMIT_MS} ms`,
    job: 'spin',
    timeLimitMs: TIME_LIMIT_MS,
    extraMs: 0,
    env: {},
  },
]

/** What `host.js` prints, a line of JSON each. */
export type Fact =
  | { readonly type: 'job'; readonly result: string; readonly afterMs: number }
  | { readonly type: 'neighbour'; readonly result: string }
  | { readonly type: 'afterwards'; readonly result: string }
  | { readonly type: 'uncaught'; readonly result: string }
