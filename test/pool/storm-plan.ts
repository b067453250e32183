/** What happens in a storm, and when: a seed brings all of it back, except for the processes' own timing. */
import { pick, type Random, randomFrom } from './random.ts'

export interface PlannedJob {
  readonly name: 'record' | 'recordAndGarble'
  /** How long it waits, in ms. */
  readonly ms: number
}

/** A signal to one child. */
export interface Blow {
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  /** It falls when so many jobs have settled. */
  readonly afterJobs: number
  /** On a child that has a job; else on any, also one that starts. */
  readonly atWork: boolean
  /** Which of those that can be hit, as a share of their number. */
  readonly victim: number
}

export interface StormSize {
  readonly jobs: number
  readonly kills: number
  readonly stops: number
  readonly garbage: number
}

export function planStorm(seed: number, { jobs, kills, stops, garbage }: StormSize) {
  const random = randomFrom(seed)
  const garbled = new Set<number>()
  while (garbled.size < garbage) garbled.add(Math.floor(random() * jobs))
  const plannedJobs = Array.from({ length: jobs }, (_, at): PlannedJob => {
    if (garbled.has(at)) return { name: 'recordAndGarble', ms: 0 }
    return { name: 'record', ms: random() < 0.2 ? 1 + Math.floor(random() * 5) : 0 }
  })
  const signals = [...new Array(kills).fill('SIGKILL'), ...new Array(stops).fill('SIGSTOP')] as Blow['signal'][]
  const blows = signals
    .map((signal) => planBlow(signal, jobs, random))
    .sort((first, second) => first.afterJobs - second.afterJobs)
  return { jobs: plannedJobs, blows }
}

/** A child that has not started yet is not stopped: only its start's own deadline would end that. */
function planBlow(signal: Blow['signal'], jobs: number, random: Random): Blow {
  const atWork = signal === 'SIGSTOP' || pick([true, true, false], random)
  return { signal, atWork, victim: random(), afterJobs: Math.floor(random() * jobs * 0.95) }
}
