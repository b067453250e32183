/**
 * What each executor can keep. The refusals, `docs/reference/executors.md` and the tests read these tables, and nothing
 * else says it again.
 */

export const EXECUTORS = ['prefork', 'threads', 'inline'] as const

/** What a pool's children are: processes, threads of this process, or this process itself. */
export type ExecutorName = (typeof EXECUTORS)[number]

/** Options of a pool, and one order to it, that not every executor keeps. Limits are options of a job too. */
export type Guarded =
  | 'processes'
  | 'spareChildren'
  | 'startMethod'
  | 'preload'
  | 'maxTasksPerChild'
  | 'timeLimitMs'
  | 'maxMemoryPerChildBytes'
  | 'memoryLimitBytes'
  | 'acceptTimeoutMs'
  | 'redeliverNeighbours'
  | 'interruptOnSoftLimit'
  | 'execArgv'
  | 'env'
  | 'restart'

/** `null`: kept. A text: refused, for that reason. */
export type Ability = Readonly<Record<ExecutorName, string | null>>

const ONE_CHILD = 'this process is the only child there can be'
const NO_FRESH = 'there is no fresh process to go on with'
const NO_END = 'nothing can end a function that runs in this process'
const NO_MEMORY = 'what a thread takes cannot be told from the memory of the process'
const NO_CHILD_MEMORY = 'its functions take the memory of this process'
const NO_SIGNAL = 'only a process can be sent a signal'
const THIS_PROCESS = 'this process runs already'

export const OPTIONS: Readonly<Record<Guarded, Ability>> = {
  processes: { prefork: null, threads: null, inline: ONE_CHILD },
  spareChildren: { prefork: null, threads: null, inline: ONE_CHILD },
  startMethod: { prefork: null, threads: 'a thread is not started as a process is', inline: THIS_PROCESS },
  preload: { prefork: null, threads: 'a thread shares nothing that was loaded before it', inline: THIS_PROCESS },
  maxTasksPerChild: { prefork: null, threads: null, inline: NO_FRESH },
  timeLimitMs: { prefork: null, threads: null, inline: NO_END },
  maxMemoryPerChildBytes: { prefork: null, threads: NO_MEMORY, inline: NO_CHILD_MEMORY },
  memoryLimitBytes: { prefork: null, threads: NO_MEMORY, inline: NO_CHILD_MEMORY },
  acceptTimeoutMs: { prefork: null, threads: null, inline: 'there is no other child that a job could go to' },
  interruptOnSoftLimit: { prefork: null, threads: NO_SIGNAL, inline: NO_SIGNAL },
  redeliverNeighbours: { prefork: null, threads: null, inline: 'they are still running, and would run twice at once' },
  execArgv: { prefork: null, threads: null, inline: THIS_PROCESS },
  env: { prefork: null, threads: null, inline: THIS_PROCESS },
  restart: { prefork: null, threads: null, inline: NO_FRESH },
}

/** Values that ask for nothing, and so are refused by nobody. */
export const NEUTRAL: Readonly<Partial<Record<Guarded, unknown>>> = {
  processes: 1,
  spareChildren: 0,
  redeliverNeighbours: false,
  interruptOnSoftLimit: false,
}

/** Ways of a function not to come to an end. */
export type Hang = 'await' | 'loop' | 'microtasks' | 'atomics' | 'native'

/**
 * What `timeLimitMs` does about it. The job fails with `TimeLimitExceeded` and a fresh child takes its place, unless the
 * limit is `refused`; the function has `ended` by then, or it is `left`: the pool gives the thread up a second later, and
 * the thread ends when the call of native code returns. V8 does not look for the order to end in every loop, so one that
 * runs nothing but `Array.prototype.fill` is left too (Node 24 and 26; Node 20 ends it).
 */
export const HARD_LIMIT: Readonly<Record<Hang, Readonly<Record<ExecutorName, 'ended' | 'left' | 'refused'>>>> = {
  await: { prefork: 'ended', threads: 'ended', inline: 'refused' },
  loop: { prefork: 'ended', threads: 'ended', inline: 'refused' },
  microtasks: { prefork: 'ended', threads: 'ended', inline: 'refused' },
  atomics: { prefork: 'ended', threads: 'ended', inline: 'refused' },
  native: { prefork: 'ended', threads: 'left', inline: 'refused' },
}

/** Whether a SharedArrayBuffer, or a view of one, can be among arguments and results; it then stays one memory. */
export const SHARED_MEMORY: Readonly<Record<ExecutorName, 'refused' | 'shared'>> = {
  prefork: 'refused',
  threads: 'shared',
  inline: 'shared',
}

/** How far an accident in a function reaches. */
export type Accident = 'process.exit' | 'uncaught error' | 'full heap' | 'crash of native code'

/** `its child at best`: Node ends a thread whose heap is full, but in a loop that cannot be ended V8 ends the process. */
export type Reach = 'its child' | 'its child at best' | 'the whole process'

export const REACH: Readonly<Record<Accident, Readonly<Record<ExecutorName, Reach>>>> = {
  'process.exit': { prefork: 'its child', threads: 'its child', inline: 'the whole process' },
  'uncaught error': { prefork: 'its child', threads: 'its child', inline: 'the whole process' },
  'full heap': { prefork: 'its child', threads: 'its child at best', inline: 'the whole process' },
  'crash of native code': { prefork: 'its child', threads: 'the whole process', inline: 'the whole process' },
}
