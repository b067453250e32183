/** What is known of one child beside the machine's own record. */

import { anonymousMemory, privateMemory } from '../../support/memory.ts'
import type { Tickets } from '../protocol/tickets.ts'
import type { Death } from './certificate.ts'
import type { ChildHandle } from './child-handle.ts'
import type { Questions } from './questions.ts'
import type { PoolChild } from './state.ts'

export interface ChildRecord {
  readonly child: PoolChild
  readonly handle: ChildHandle
  readonly questions: Questions
  /** Once it has said that it heeds them. */
  tickets: Tickets | null
  /** The error it died of, where it could still tell. */
  failure: Death['failure']
  /** Of its start or its end. */
  deadline: NodeJS.Timeout | null
  /** Jobs it runs. */
  running: number
  /** When it last began or ended a job, or was given one while it had nothing to do. */
  progressAtMs: number
  memory: ChildMemory
}

/** In bytes; `null` where the system does not tell. */
export interface ChildMemory {
  /** Exactly, when it was ready. */
  readonly atReady: number | null
  /** The same, measured the cheap way. */
  readonly roughAtReady: number | null
  readonly last: number | null
}

export const UNKNOWN_MEMORY: ChildMemory = { atReady: null, roughAtReady: null, last: null }

export function memoryAtReady(pid: number): ChildMemory {
  const rough = anonymousMemory(pid)
  return { atReady: privateMemory(pid), roughAtReady: rough, last: rough }
}
