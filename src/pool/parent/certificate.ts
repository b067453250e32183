/** Why a child is gone: what a lost job can show for itself. */
import type { Failure } from '../../support/failure.ts'

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
  /** The pool, because another job of the same child was terminated. */
  | 'neighbour'
  /** The pool, on terminate or because its start took too long. */
  | 'pool'
  /** A signal from elsewhere: an operator, the kernel's out-of-memory killer, a crash in native code. */
  | 'signal'

/** The evidence of one child's end; a job that was lost with it carries it as `error.certificate`. */
export interface DeathCertificate {
  readonly pid: number | null
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly killedBy: KilledBy
  readonly phase: 'starting' | 'running' | 'stopping'
  /** The error that ended it, where it could still be told. */
  readonly failure: Failure | null
  /** The end of what it wrote to stderr. */
  readonly stderrTail: string
  readonly livedMs: number
}

/** What the parent saw of a child's end. */
export interface Death {
  readonly pid: number | null
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly phase: DeathCertificate['phase']
  /** Set when the pool itself sent the SIGKILL. */
  readonly ordered: 'bad-frame' | 'neighbour' | 'pool' | null
  readonly failure: Failure | null
  readonly stderrTail: string
  /** V8 said that it had no heap left. */
  readonly heapLimit: boolean
  readonly livedMs: number
}

export function certify(death: Death): DeathCertificate {
  const { ordered, heapLimit, ...seen } = death
  return { ...seen, killedBy: ordered ?? culprit(death) }
}

/** One sentence for an error message. */
export function describeDeath(certificate: DeathCertificate): string {
  const { pid, exitCode, signal, failure, stderrTail } = certificate
  const end = signal === null ? `ended with exit code ${exitCode}` : `was killed by ${signal}`
  const why = REASONS[certificate.killedBy]
  const said = failure === null ? lastLine(stderrTail) : `${failure.name}: ${failure.message}`
  return `Child ${pid ?? '(never started)'} ${end} (${why})${said === '' ? '' : `: ${said}`}`
}

const REASONS: Record<KilledBy, string> = {
  'uncaught-error': 'an uncaught error',
  itself: 'it exited by itself',
  'heap-limit': 'V8 reached its heap limit',
  'bad-frame': 'it broke the protocol',
  neighbour: 'another job of this child was terminated',
  pool: 'the pool ended it',
  signal: 'a signal from outside the pool',
}

function culprit({ exitCode, signal, failure, heapLimit }: Death): KilledBy {
  if (failure !== null) return 'uncaught-error'
  // V8 aborts with a fixed sentence; the signal alone would be any abort().
  if (heapLimit && (signal === 'SIGABRT' || exitCode === 134)) return 'heap-limit'
  return signal === null ? 'itself' : 'signal'
}

/** An aborting Node writes stack traces last, of lines like ` 3: 0x1f2e ...`, which tell a reader nothing. */
function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^( *\d+: |-----)/.test(line))
  return lines.at(-1)?.slice(0, 300) ?? ''
}
