/** Jobs that come when they come, not when a child is free: as from outside. */
import { setTimeout as pause } from 'node:timers/promises'
import { clockMs } from './clock.ts'

/** When a job ran, by the machine's clock: what it gives. */
export type Run = readonly [startedAtMs: number, endedAtMs: number]

/** One job from the call until its end, by the machine's clock. */
export interface Passage {
  readonly submittedAtMs: number
  readonly startedAtMs: number
  readonly endedAtMs: number
}

/** Calls `submit` at each of the times, which count from now. Resolves with how each went. */
export async function arrive(timesMs: readonly number[], submit: () => Promise<unknown>): Promise<Passage[]> {
  const zeroMs = clockMs()
  const passages: Promise<Passage>[] = []
  for (const timeMs of timesMs) {
    const leftMs = zeroMs + timeMs - clockMs()
    // A timer is late by up to a millisecond; the wait counts from the call, which is as late.
    if (leftMs > 0.5) await pause(leftMs)
    passages.push(passage(submit))
  }
  return Promise.all(passages)
}

export async function passage(submit: () => Promise<unknown>): Promise<Passage> {
  const submittedAtMs = clockMs()
  const [startedAtMs, endedAtMs] = (await submit()) as Run
  return { submittedAtMs, startedAtMs, endedAtMs }
}

/**
 * How long a job waited for its start while a child was idle. A pool of `places` children is busy while so many of them
 * run something.
 */
export function idleWaitMs(job: Passage, all: readonly Passage[], places: number): number {
  const { submittedAtMs: from, startedAtMs: to } = job
  const edges = all
    .filter(({ startedAtMs, endedAtMs }) => startedAtMs < to && endedAtMs > from)
    .flatMap(({ startedAtMs, endedAtMs }) => [
      { atMs: Math.max(from, startedAtMs), step: 1 },
      { atMs: Math.min(to, endedAtMs), step: -1 },
    ])
    .sort((a, b) => a.atMs - b.atMs || a.step - b.step)
  let idleMs = 0
  let running = 0
  let sinceMs = from
  for (const { atMs, step } of [...edges, { atMs: to, step: 0 }]) {
    if (running < places) idleMs += atMs - sinceMs
    running += step
    sinceMs = atMs
  }
  return idleMs
}
