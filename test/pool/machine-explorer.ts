/**
 * Plays every order of events on the pool's machine, within bounds: `explore` throws at the first broken rule, with a
 * shortest course of events that leads to it, since it goes breadth first.
 *
 * A state is visited once, and states count as one from which the same may follow (`keyOf`). What is left out of that is
 * what has settled and who it was; and of two states that are equal but for what they have used of the bounds, the one
 * that has used more is not visited, since all that may follow it may follow the other.
 */
import type { MachineOptions } from '../../src/pool/parent/state.ts'
import type { ModelChild, ModelJob, WorldEvent } from './machine-model.ts'
import { childEvents } from './machine-simulator.ts'
import { MachineWorld } from './machine-world.ts'

/** What one course of events may have. */
export interface Bounds {
  readonly jobs: number
  /** Of children, that nobody ordered. */
  readonly deaths: number
  /** To replace a child, or to change their number. */
  readonly orders: number
}

/** A course of events, from its end, and how much of the bounds it has used. */
interface Course {
  readonly last: WorldEvent
  readonly before: Course | null
  readonly deaths: number
  readonly orders: number
}

export interface Explored {
  readonly states: number
  /** States of them in which the pool has come to its end. */
  readonly ends: number
  readonly events: number
}

export function explore(options: MachineOptions, costMs: number, bounds: Bounds): Explored {
  const visited = new Visited(bounds)
  let [states, ends, events] = [1, 0, 0]
  let frontier: (Course | null)[] = [null]
  while (frontier.length > 0) {
    const next: Course[] = []
    for (const course of frontier) {
      // The first event is played on the world that has told which events there are, each other one on a world of its own.
      let reached: MachineWorld | null = reach(options, course)
      for (const longer of continuations(reached, course, costMs, bounds)) {
        const world: MachineWorld = reached ?? reach(options, course)
        reached = null
        events++
        play(world, longer)
        if (!visited.add(world, longer)) continue
        states++
        if (world.isOver) ends++
        else next.push(longer)
      }
    }
    frontier = next
  }
  return { states, ends, events }
}

/** Rules are not checked on the way: every course was played to its end before. */
function reach(options: MachineOptions, course: Course | null): MachineWorld {
  const world = new MachineWorld(options)
  for (const event of eventsOf(course)) world.happen(event)
  return world
}

function play(world: MachineWorld, course: Course): void {
  try {
    world.apply(course.last)
  } catch (cause) {
    const text = `${(cause as Error).message}\n${JSON.stringify(world.options)}\n${JSON.stringify(eventsOf(course))}`
    throw new Error(text, { cause })
  }
}

function eventsOf(course: Course | null): WorldEvent[] {
  const events: WorldEvent[] = []
  for (let at = course; at !== null; at = at.before) events.push(at.last)
  return events.reverse()
}

function continuations(world: MachineWorld, before: Course | null, costMs: number, bounds: Bounds): Course[] {
  const courses: Course[] = []
  for (const last of enabled(world, costMs, bounds.jobs)) {
    const deaths = (before?.deaths ?? 0) + (isUnordered(world, last) ? 1 : 0)
    const orders = (before?.orders ?? 0) + (last.type === 'replace' || last.type === 'resize' ? 1 : 0)
    if (deaths <= bounds.deaths && orders <= bounds.orders) courses.push({ last, before, deaths, orders })
  }
  return courses
}

function enabled(world: MachineWorld, costMs: number, most: number): WorldEvent[] {
  const { phase, jobs, children, openJobs, options } = world
  const events: WorldEvent[] = [...children.values()].flatMap((child) => childEvents(child, options.credits))
  if (phase === 'run' && jobs.length < most) events.push({ type: 'submit', priority: 0, costMs })
  if (phase === 'run') events.push({ type: 'close' }, { type: 'resize', size: 1 }, { type: 'resize', size: 3 })
  if (phase === 'run' || phase === 'close') events.push({ type: 'terminate' })
  if (world.pendingRespawns > 0) events.push({ type: 'respawnDue' })
  for (const { job, place } of openJobs) {
    events.push({ type: 'cancel', job: job.id }, { type: 'terminateJob', job: job.id })
    if (place === 'accepted') events.push({ type: 'limit', job: job.id, limit: 'timedOut' })
    if (place === 'accepted' && options.interrupts) events.push({ type: 'softLimit', job: job.id })
  }
  return events
}

/** A child that dies by itself, or is killed for not taking a job. */
function isUnordered(world: MachineWorld, event: WorldEvent): boolean {
  if (event.type === 'overdue') return event.what === 'unheard'
  if (event.type !== 'gone') return false
  const { killedFor, state } = world.child(event.child)
  return killedFor === null && state !== 'stopping'
}

/** The states that were visited, each with all that was used of the bounds when it was: one bit for each way. */
class Visited {
  readonly #bounds: Bounds
  readonly #uses = new Map<string, number>()
  /** By each way to use the bounds: the ways to use no more of them, itself included. */
  readonly #noMore: number[] = []

  constructor(bounds: Bounds) {
    this.#bounds = bounds
    if (this.#nth(bounds) > 31) throw new Error('There are more ways to use these bounds than bits in a number')
    for (const use of usesWithin(bounds)) {
      let ways = 0
      for (const less of usesWithin(use)) ways |= 1 << this.#nth(less)
      this.#noMore[this.#nth(use)] = ways
    }
  }

  /** False if all that may follow this state may follow one that was visited. */
  add(world: MachineWorld, { deaths, orders }: Course): boolean {
    // A pool that is not running takes no more jobs, whatever is left of them.
    const jobs = world.phase === 'run' ? world.jobs.length : 0
    const nth = this.#nth({ jobs, deaths, orders })
    const key = keyOf(world)
    const ways = this.#uses.get(key) ?? 0
    if ((ways & (this.#noMore[nth] as number)) !== 0) return false
    this.#uses.set(key, ways | (1 << nth))
    return true
  }

  #nth({ jobs, deaths, orders }: Bounds): number {
    const most = this.#bounds
    return (deaths * (most.orders + 1) + orders) * (most.jobs + 1) + jobs
  }
}

function* usesWithin(bounds: Bounds): Generator<Bounds> {
  for (let jobs = 0; jobs <= bounds.jobs; jobs++)
    for (let deaths = 0; deaths <= bounds.deaths; deaths++)
      for (let orders = 0; orders <= bounds.orders; orders++) yield { jobs, deaths, orders }
}

/** Each job takes one child with it at the most, and few others die: beyond this the budget is as good as without end. */
const MORE_THAN_DIE = 10

/** A text that is equal for two worlds from which the same may follow. */
function keyOf(world: MachineWorld): string {
  const { phase, size, everReady, pendingRespawns, restartsLeft, options } = world
  const failures = Math.min(world.startFailures, options.maxStartFailures)
  const left = Math.min(restartsLeft, MORE_THAN_DIE)
  const queue = world.queue.map(({ returns }) => returns)
  // Where the machine chooses among children, it goes by their order, and among those that work or will. The others are
  // only counted, or all meant, so that their order is nothing to it.
  const able: string[] = []
  const others: string[] = []
  for (const child of world.children.values()) {
    const isAble = (child.state === 'starting' || child.state === 'ready') && child.killedFor === null
    ;(isAble ? able : others).push(childKey(child, options))
  }
  const children = `${able.join(';')}|${others.sort().join(';')}`
  return `${phase}${size}${everReady}${pendingRespawns},${left},${failures},${queue}|${children}`
}

function childKey(child: ModelChild, { maxTasksPerChild }: MachineOptions): string {
  const taken = maxTasksPerChild === Number.POSITIVE_INFINITY ? '' : child.taken
  let key = `${child.state}${child.killedFor}${child.due}${child.overrun}${taken}`
  for (const job of child.held) key += jobKey(child, job)
  return key
}

function jobKey({ cancelled, recalled, condemned, interrupted }: ModelChild, job: ModelJob): string {
  const orders = `${cancelled.has(job)}${recalled.has(job)}${interrupted === job}${condemned.get(job) ?? ''}`
  return `(${job.place}${job.returns}${orders})`
}
