/**
 * Looks at the children now and then while there is work: whether one has grown too large, does not take what it was
 * given, or keeps jobs waiting behind a long one. It only tells.
 */
import { anonymousMemory, privateMemory } from '../../support/memory.ts'
import type { ChildRecord } from './child-record.ts'
import type { PoolJob } from './state.ts'
import type { SupervisedJob } from './supervised-job.ts'

export interface WatchOptions {
  readonly credits: number
  readonly acceptTimeoutMs: number
  /** 0 for none. */
  readonly maxMemoryPerChildBytes: number
}

export interface WatchListener {
  overMemory(job: PoolJob): void
  /** The child has grown over `maxMemoryPerChildBytes`. */
  outgrown(record: ChildRecord): void
  /** The child has a free credit and does not take the job at the head of its line. */
  unheard(record: ChildRecord): void
  /** The child holds jobs of which it has not said that they have begun. */
  silent(record: ChildRecord): void
  /** Jobs wait in the child behind one that takes its time, and another child could run them. */
  overrun(record: ChildRecord, wasMisjudged: boolean): void
}

export class Watch {
  readonly #records: ReadonlyMap<unknown, ChildRecord>
  readonly #options: WatchOptions
  readonly #listener: WatchListener
  #rounds: NodeJS.Timeout | null = null
  #lines: NodeJS.Timeout | null = null

  constructor(records: ReadonlyMap<unknown, ChildRecord>, options: WatchOptions, listener: WatchListener) {
    this.#records = records
    this.#options = options
    this.#listener = listener
  }

  /** To be called whenever a child is given a job; goes on until none has one. */
  wake(): void {
    this.#rounds ??= setInterval(() => this.#round(), ROUND_MS).unref()
  }

  /** To be called when a child was given a job with a ticket, or one behind others. */
  wakeForLines(): void {
    this.#lines ??= setInterval(() => this.#lookAtLines(), LINE_MS).unref()
  }

  end(): void {
    if (this.#rounds !== null) clearInterval(this.#rounds)
    if (this.#lines !== null) clearInterval(this.#lines)
  }

  #round(): void {
    let isAnyBusy = false
    const nowMs = performance.now()
    for (const record of this.#records.values()) {
      if (record.child.jobs.size > 0) isAnyBusy = true
      else if (record.progressAtMs < nowMs - 2 * ROUND_MS) continue
      // A job that was interrupted at the wrong instant may have kept its child from ringing.
      if (record.tickets !== null) this.#listener.silent(record)
      this.#weigh(record)
      if (this.#isUnheard(record, this.#options.acceptTimeoutMs)) {
        // What it said while this process stood still is read first.
        setImmediate(() => {
          if (this.#isUnheard(record, this.#options.acceptTimeoutMs)) this.#listener.unheard(record)
        })
      }
    }
    if (isAnyBusy || this.#rounds === null) return
    clearInterval(this.#rounds)
    this.#rounds = null
  }

  #lookAtLines(): void {
    let isAnyWaiting = false
    const { credits } = this.#options
    for (const record of this.#records.values()) {
      if (record.child.jobs.size === record.running) continue
      isAnyWaiting = true
      if (record.tickets !== null) this.#listener.silent(record)
      if (record.child.jobs.size <= credits || !this.#isStuck(record)) continue
      setImmediate(() => {
        if (record.child.jobs.size <= credits || !this.#isStuck(record)) return
        if (this.#isAnyIdle()) this.#listener.overrun(record, this.#silenceMs(record) > OVERRUN_MS)
      })
    }
    if (isAnyWaiting || this.#lines === null) return
    clearInterval(this.#lines)
    this.#lines = null
  }

  /** Where every child has work, what is taken back from one would only wait elsewhere. */
  #isAnyIdle(): boolean {
    for (const { child } of this.#records.values()) {
      if (child.state === 'ready' && child.killedFor === null && child.jobs.size < this.#options.credits) return true
    }
    return false
  }

  /** To take jobs back by their tickets costs nothing; a child that has to be asked is asked when it was misjudged. */
  #isStuck(record: ChildRecord): boolean {
    return this.#silenceMs(record) > (record.tickets === null ? OVERRUN_MS : LINE_MS / 2)
  }

  #silenceMs({ progressAtMs }: ChildRecord): number {
    return performance.now() - progressAtMs
  }

  #isUnheard({ child, running, progressAtMs }: ChildRecord, afterMs: number): boolean {
    const waits = child.jobs.size > running && running < this.#options.credits
    return waits && child.state !== 'starting' && performance.now() - progressAtMs > afterMs
  }

  #weigh(record: ChildRecord): void {
    const { handle, memory } = record
    if (handle.pid === null || memory.roughAtReady === null) return
    const last = anonymousMemory(handle.pid)
    record.memory = { ...memory, last: last ?? memory.last }
    if (last === null || memory.atReady === null) return
    const { maxMemoryPerChildBytes } = this.#options
    const roughGrowth = last - memory.roughAtReady
    if (maxMemoryPerChildBytes > 0 && this.#isOver(record, roughGrowth, maxMemoryPerChildBytes)) {
      this.#listener.outgrown(record)
    }
    for (const job of record.child.jobs) {
      const { memoryLimitBytes } = job as SupervisedJob
      if (job.state !== 'accepted' || memoryLimitBytes === 0) continue
      if (this.#isOver(record, roughGrowth, memoryLimitBytes)) this.#listener.overMemory(job)
    }
  }

  /** The cheap measure decides where it is clear, the exact one near the bound. */
  #isOver({ handle, memory }: ChildRecord, roughGrowth: number, limitBytes: number): boolean {
    if (roughGrowth < limitBytes * CLEARLY_UNDER) return false
    const exact = privateMemory(handle.pid as number)
    return exact !== null && exact - (memory.atReady as number) > limitBytes
  }
}

const ROUND_MS = 250
const LINE_MS = 10
/** A line holds this much work at most (`lines.ts`); one that makes no progress for so long was misjudged. */
const OVERRUN_MS = 20
const CLEARLY_UNDER = 0.8
