/** Why a child is gone: what a lost job can show for itself. */
import { type Failure, toFailure } from '../../support/failure.ts'

/** Who or what ended a child, as far as the evidence goes. */
export type KilledBy =
  /** Its own uncaught error or unhandled rejection; see `failure`. */
  | 'uncaught-error'
  /** `process.exit`, or the natural end of the process. */
  | 'itself'
  /** V8 had no heap left (`--max-old-space-size`). */
  | 'heap-limit'
  /** The pool, because what came over the channel was no frame; see `failure`. */
  | 'bad-frame'
  /** The pool, because a job of the child was over its time limit. */
  | 'time-limit'
  /** The pool, because a job of the child was over its memory limit. */
  | 'memory-limit'
  /** The pool, because a job of the child was terminated by its caller. */
  | 'terminated'
  /** The pool, on account of another job of the same child: over a limit, terminated, or a breach of the protocol. */
  | 'neighbour'
  /** The pool, because the child did not take a job in time: stopped, or kept busy by a job. */
  | 'unheard'
  /** The pool, on terminate or because its start took too long. */
  | 'pool'
  /** Nobody: there were no processes, descriptors or memory for it, no program, or what it was to be forked from failed; see `failure`. */
  | 'unstarted'
  /** The kernel's out-of-memory killer, as its counter for this cgroup shows. */
  | 'oom-killer'
  /** A signal from elsewhere: an operator, a crash in native code, an out-of-memory killer that left no trace. */
  | 'signal'

/** The evidence of one child's end; a job that was lost with it carries it as `error.certificate`. */
export interface DeathCertificate {
  /** `null` for a child that was no process of its own, or could not be started. */
  readonly pid: number | null
  /** `null` with no signal either: it could not be started, or could not be ended and was given up. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly killedBy: KilledBy
  readonly phase: 'starting' | 'running' | 'stopping'
  /** The error that ended it, where it could still be told. */
  readonly failure: Failure | null
  /** The end of what it wrote to stderr. */
  readonly stderrTail: string
  readonly livedMs: number
  /** Time of a CPU that it and what it had waited for have used; `null` but for a forked child, whose end tells it. */
  readonly cpuMs: number | null
  /** Its private memory when it was last looked at: at least four times a second while it ran jobs. */
  readonly memoryBytes: number | null
  /** How long the job that carries this certificate had been running; `null` for one that had not begun. */
  readonly ranMs: number | null
}

/** What the parent saw of a child's end. */
export interface Death {
  readonly pid: number | null
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly phase: DeathCertificate['phase']
  /** What is known for sure: the pool itself sent the SIGKILL, or there never was a process. */
  readonly ordered: 'bad-frame' | 'time-limit' | 'memory-limit' | 'terminated' | 'unheard' | 'pool' | 'unstarted' | null
  readonly failure: Failure | null
  readonly stderrTail: string
  /** V8 said that it had no heap left. */
  readonly heapLimit: boolean
  /** The kernel has killed for want of memory since it was last asked. */
  readonly oomKilled: boolean
  readonly livedMs: number
  readonly cpuMs: number | null
  readonly memoryBytes: number | null
}

export function certify(death: Death): DeathCertificate {
  const { ordered, heapLimit, oomKilled, ...seen } = death
  return { ...seen, killedBy: ordered ?? culprit(death), ranMs: null }
}

/** Why a child that never became ready did not. */
export function startFailureOf(certificate: DeathCertificate): Failure {
  return certificate.failure ?? toFailure(new Error(describeDeath(certificate)))
}

/** One sentence for an error message. */
export function describeDeath(certificate: DeathCertificate): string {
  const { pid, exitCode, signal, failure, stderrTail } = certificate
  const who = pid === null ? 'A child' : `Child ${pid}`
  const why = REASONS[certificate.killedBy]
  const said = failure === null ? lastLine(stderrTail) : `${failure.name}: ${failure.message}`
  return `${who} ${endOf(exitCode, signal)} (${why})${said === '' ? '' : `: ${said}`}`
}

function endOf(exitCode: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `was killed by ${signal}`
  return exitCode === null ? 'is gone' : `ended with exit code ${exitCode}`
}

const REASONS: Record<KilledBy, string> = {
  'uncaught-error': 'an uncaught error',
  itself: 'it exited by itself',
  'heap-limit': 'V8 reached its heap limit',
  'bad-frame': 'it broke the protocol',
  'time-limit': 'a job was over its time limit',
  'memory-limit': 'a job was over its memory limit',
  terminated: 'its job was terminated',
  neighbour: 'another job of this child was over a limit, terminated, or broke the protocol',
  unheard: 'it did not take a job in time',
  pool: 'the pool ended it',
  unstarted: 'it could not be started',
  'oom-killer': "the kernel's out-of-memory killer",
  signal: 'a signal from outside the pool',
}

function culprit({ pid, exitCode, signal, failure, heapLimit, oomKilled }: Death): KilledBy {
  if (failure !== null) return 'uncaught-error'
  // V8 aborts a process with a fixed sentence; the signal alone would be any abort(). A thread is ended by Node.
  if (heapLimit && (pid === null || signal === 'SIGABRT' || exitCode === 134)) return 'heap-limit'
  if (signal === null) return 'itself'
  return signal === 'SIGKILL' && oomKilled ? 'oom-killer' : 'signal'
}

/** An aborting Node writes stack traces last, of lines like ` 3: 0x1f2e ...`, which tell a reader nothing. */
function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^( *\d+: |-----)/.test(line))
  return lines.at(-1)?.slice(0, 300) ?? ''
}
