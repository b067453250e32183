/**
 * The children of a pool: how many there are to be, who comes, who goes and in what order. Knows of jobs only how many
 * a child holds. Pure like the machine, whose half it is.
 *
 * - Wanted are `size + spares`, and one more while a child is due for replacement: the successor is ready before the
 *   old one goes, and there is never more than one too many, not counting those that only finish what they have.
 * - A child that is no longer wanted goes when it holds nothing; one that has died is made up for.
 */
import { JobList } from './job-list.ts'
import { RestartBudget } from './restart-budget.ts'
import type { DueReason, KillReason, MachineOptions, PoolChild, PoolEffects } from './state.ts'

export class Staff {
  readonly #options: MachineOptions
  readonly #effects: PoolEffects
  readonly #budget: RestartBudget
  readonly #children = new Set<PoolChild>()
  #size: number
  #generation = 0
  #pendingSpawns = 0
  #everReady = false
  /** Starts that failed in a row. */
  startFailures = 0

  constructor(options: MachineOptions, effects: PoolEffects) {
    this.#options = options
    this.#effects = effects
    this.#size = options.size
    this.#budget = new RestartBudget(options.restartsPerChild, options.size)
  }

  get children(): ReadonlySet<PoolChild> {
    return this.#children
  }

  get size(): number {
    return this.#size
  }

  /** As many children can work as are wanted. */
  get isComplete(): boolean {
    return this.#ready() >= this.#size + this.#options.spares
  }

  /** Restarts in a row that had to wait; 0 while the breaker is closed. */
  get overdrawn(): number {
    return this.#budget.overdrawn
  }

  resize(size: number): void {
    this.#budget.share(size)
    this.#size = size
  }

  /** False if the child cannot become ready any more: its death is ordered. */
  ready(child: PoolChild): boolean {
    if (child.killedFor !== null) return false
    child.state = 'ready'
    this.startFailures = 0
    if (!this.#everReady) {
      this.#everReady = true
      this.#effects.started()
    }
    return true
  }

  due(child: PoolChild, reason: DueReason): void {
    if (child.state === 'starting' || child.state === 'ready') child.due ??= reason
  }

  /** A job of the child has ended: the children are able to work. */
  worked(child: PoolChild): void {
    child.done++
    this.#budget.refill()
  }

  gone(child: PoolChild): void {
    child.state = 'gone'
    this.#children.delete(child)
  }

  /** A death that nobody ordered, or that a job has brought about. */
  died(nowMs: number): void {
    if (!this.#budget.take(nowMs)) this.#respawnLater(this.#budget.overdrawn)
    // A spare child takes over, and is not to be kept from it by the start of its successor.
    else if (this.#ready() >= this.#size) this.#respawnLater(0)
  }

  /**
   * False if nothing is to be hoped for: later starts may do better, but a pool that was never up, or is closing and has
   * no other child, does not wait for them.
   */
  startFailed(isClosing: boolean): boolean {
    const isHopeless = !this.#everReady || (isClosing && !this.#hasReady())
    if (++this.startFailures >= this.#options.maxStartFailures && isHopeless) return false
    this.#respawnLater(this.startFailures)
    return true
  }

  respawnDue(): void {
    this.#pendingSpawns--
  }

  /** False if its death was ordered before. */
  kill(child: PoolChild, reason: KillReason): boolean {
    if (child.killedFor !== null || child.state === 'gone') return false
    child.killedFor = reason
    this.#effects.kill(child, reason)
    return true
  }

  /** Brings the children to what is wanted: new ones start, successors take over, those left over go. */
  settle(): void {
    const wanted = this.#size + this.#options.spares
    while (this.#unharmed() > wanted + this.#extra()) this.#dismissOne()
    while (this.#retireOneDue(wanted)) {}
    const missing = wanted + this.#extra() - this.#atWork() - this.#pendingSpawns
    for (let left = missing; left > 0; left--) this.#spawn()
  }

  killAll(): void {
    for (const child of this.#children) this.kill(child, 'terminate')
  }

  /** Lets go of every child, each when it has finished what it holds. */
  dismissAll(): void {
    for (const child of this.#children) this.#dismiss(child)
  }

  /** To be told when a child holds nothing any more: the last job of one that leaves was its last. */
  drained(child: PoolChild): void {
    if (child.jobs.size > 0 || child.killedFor !== null) return
    if (child.state !== 'leaving' && !(child.state === 'ready' && this.isExhausted(child))) return
    child.state = 'stopping'
    this.#effects.stop(child)
  }

  /** It has been given all the jobs it may have. */
  isExhausted(child: PoolChild): boolean {
    return child.taken >= this.#options.maxTasksPerChild
  }

  #spawn(): void {
    const child: PoolChild = {
      generation: ++this.#generation,
      slot: this.#freeSlot(),
      state: 'starting',
      jobs: new JobList(),
      lineMs: 0,
      overrun: false,
      taken: 0,
      done: 0,
      due: null,
      cancelled: new Set(),
      condemned: new Map(),
      recalled: new Set(),
      interrupted: null,
      killedFor: null,
    }
    this.#children.add(child)
    this.#effects.spawn(child)
  }

  /** What makes one child fail mostly makes all of them fail: that is once for each, not many times for one. */
  #respawnLater(failures: number): void {
    this.#pendingSpawns++
    this.#effects.respawnLater(Math.ceil(failures / (this.#size + this.#options.spares)))
  }

  #ready(): number {
    let count = 0
    for (const { state, killedFor } of this.#children) if (state === 'ready' && killedFor === null) count++
    return count
  }

  /** A child that can still give results. */
  #hasReady(): boolean {
    for (const { state } of this.#children) if (state === 'ready' || state === 'leaving') return true
    return false
  }

  #freeSlot(): number {
    const taken = new Set(Array.from(this.#children, ({ slot }) => slot))
    let slot = 0
    while (taken.has(slot)) slot++
    return slot
  }

  #atWork(): number {
    let count = 0
    for (const child of this.#children) if (isAtWork(child)) count++
    return count
  }

  #unharmed(): number {
    let count = 0
    for (const child of this.#children) if (isAtWork(child) && child.killedFor === null) count++
    return count
  }

  /** A successor is to be there before the next one goes; one after the other. */
  #extra(): 0 | 1 {
    for (const child of this.#children) {
      if (child.due !== null && isAtWork(child) && child.killedFor === null) return 1
    }
    return 0
  }

  /** True if one goes now. */
  #retireOneDue(wanted: number): boolean {
    let ready = 0
    let first: PoolChild | null = null
    for (const child of this.#children) {
      if (child.state !== 'ready' || child.killedFor !== null) continue
      ready++
      if (child.due !== null) first ??= child
    }
    if (first === null || ready <= wanted) return false
    this.#dismiss(first)
    return true
  }

  /** Of those that cost least the youngest: one that is not ready yet, an idle one, one with few jobs. */
  #dismissOne(): void {
    let cheapest: PoolChild | null = null
    for (const child of this.#children) {
      if (!isAtWork(child) || child.killedFor !== null) continue
      if (cheapest === null || rank(child) <= rank(cheapest)) cheapest = child
    }
    if (cheapest !== null) this.#dismiss(cheapest)
  }

  #dismiss(child: PoolChild): void {
    if (child.killedFor !== null) return
    if (child.state === 'starting') this.kill(child, 'terminate')
    if (child.state !== 'ready') return
    child.state = 'leaving'
    this.#effects.leaving(child)
    this.drained(child)
  }
}

/** Works or will: one whose death is ordered is made up for when it is gone, unless nobody wants it any more. */
function isAtWork({ state, killedFor }: PoolChild): boolean {
  return (state === 'starting' || state === 'ready') && killedFor !== 'terminate'
}

function rank({ state, jobs, due }: PoolChild): number {
  if (state === 'starting') return -1
  return jobs.size - (due === null ? 0 : 0.5)
}
