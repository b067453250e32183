import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachineOptions } from '../../src/pool/parent/state.ts'
import type { ModelChild, ModelJob, WorldEvent } from './machine-model.ts'
import { childEvents, replay } from './machine-simulator.ts'
import type { MachineWorld } from './machine-world.ts'

// CAROM_EXPLORE=full has more jobs in the later cases: some minutes instead of some seconds.
const isFull = process.env.CAROM_EXPLORE === 'full'
const FEWER_JOBS = isFull ? 3 : 2
const FEWEST_JOBS = isFull ? 2 : 1
const LONG = Number.POSITIVE_INFINITY
const OPTIONS: MachineOptions = {
  size: 2,
  spares: 0,
  credits: 1,
  maxTasksPerChild: LONG,
  redeliverNeighbours: false,
  maxStartFailures: 3,
  restartsPerChild: 1_000,
  interrupts: false,
}

/** Deaths that nobody ordered, and orders to replace a child or change their number, that one course of events may have. */
interface Bounds {
  readonly jobs: number
  readonly deaths: number
  readonly orders: number
}

const CASES: readonly (readonly [title: string, options: Partial<MachineOptions>, costMs: number, bounds: Bounds])[] = [
  ['with one credit each', {}, LONG, { jobs: 3, deaths: 1, orders: 0 }],
  ['with one credit each and short jobs', {}, 9, { jobs: FEWER_JOBS, deaths: 0, orders: 0 }],
  ['with two credits each', { credits: 2 }, LONG, { jobs: FEWER_JOBS, deaths: 0, orders: 0 }],
  ['that have two jobs in their life', { maxTasksPerChild: 2 }, LONG, { jobs: FEWER_JOBS, deaths: 0, orders: 0 }],
  ['that are replaced and resized', {}, LONG, { jobs: FEWEST_JOBS, deaths: 0, orders: 1 }],
  ['that are interrupted', { interrupts: true }, LONG, { jobs: FEWEST_JOBS, deaths: 0, orders: 0 }],
  [
    'in a storm, with a spare',
    { size: 1, spares: 1, restartsPerChild: 1 },
    LONG,
    { jobs: FEWEST_JOBS, deaths: 1, orders: 0 },
  ],
]

for (const [title, options, costMs, bounds] of CASES) {
  test(`Two children ${title} and ${bounds.jobs} jobs keep the rules in every order of events`, (t) => {
    const { states, ends } = explore({ ...OPTIONS, ...options }, costMs, bounds)
    t.diagnostic(`${states} states, ${ends} of them ends`)
    assert.ok(states > 300 && ends > 0, `only ${states} states and ${ends} ends were reached`)
  })
}

/** The events that led to a state, the latest first, and how much of the bounds they have used. */
interface Trace extends Omit<Bounds, 'jobs'> {
  readonly event: WorldEvent
  readonly before: Trace | null
}

/** Breadth first, so that the first trace that breaks a rule is a shortest one. */
function explore(options: MachineOptions, costMs: number, bounds: Bounds): { readonly states: number; ends: number } {
  const seen = new Set<string>()
  let ends = 0
  let frontier: (Trace | null)[] = [null]
  while (frontier.length > 0) {
    const next: Trace[] = []
    for (const trace of frontier) {
      const world = reach(options, trace)
      const key = `${trace?.deaths ?? 0}${trace?.orders ?? 0}${keyOf(world)}`
      if (seen.has(key)) continue
      seen.add(key)
      if (world.isOver) ends++
      else next.push(...following(world, trace, costMs, bounds))
    }
    frontier = next
  }
  return { states: seen.size, ends }
}

function reach(options: MachineOptions, trace: Trace | null): MachineWorld {
  const events: WorldEvent[] = []
  for (let at = trace; at !== null; at = at.before) events.push(at.event)
  events.reverse()
  try {
    return replay(options, events)
  } catch (cause) {
    throw new Error(`${(cause as Error).message} after ${JSON.stringify(events)}`, { cause })
  }
}

function following(world: MachineWorld, before: Trace | null, costMs: number, bounds: Bounds): Trace[] {
  const next: Trace[] = []
  for (const event of enabled(world, costMs, bounds.jobs)) {
    const deaths = (before?.deaths ?? 0) + (isUnordered(world, event) ? 1 : 0)
    const orders = (before?.orders ?? 0) + (event.type === 'replace' || event.type === 'resize' ? 1 : 0)
    if (deaths <= bounds.deaths && orders <= bounds.orders) next.push({ event, before, deaths, orders })
  }
  return next
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

/** A text that is equal for two worlds from which the same may follow: what has settled and who it was is left out. */
function keyOf(world: MachineWorld): string {
  const { phase, size, everReady, pendingRespawns, restartsLeft, options } = world
  const failures = Math.min(world.startFailures, options.maxStartFailures)
  const left = Math.min(restartsLeft, 2)
  const queue = world.queue.map(({ returns }) => returns)
  const children = Array.from(world.children.values(), (child) => childKey(child, options))
  return [phase, size, everReady, pendingRespawns, left, failures, world.jobs.length, queue, children.join(';')].join(
    '|',
  )
}

function childKey(child: ModelChild, { maxTasksPerChild }: MachineOptions): string {
  const taken = maxTasksPerChild === LONG ? '' : child.taken
  const jobs = Array.from(child.held, (job) => jobKey(child, job))
  return `${child.state}${child.killedFor}${child.due}${child.overrun}${taken}(${jobs})`
}

function jobKey({ cancelled, recalled, condemned, interrupted }: ModelChild, job: ModelJob): string {
  const orders = `${cancelled.has(job)}${recalled.has(job)}${interrupted === job}${condemned.get(job) ?? ''}`
  return `${job.place}${job.returns}${orders}`
}
