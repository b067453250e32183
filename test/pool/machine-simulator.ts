/**
 * Drives the pool's machine with random events, the same for the same seed: `simulate(seed, steps)` throws a
 * {@link SimulationError} with all events up to the broken rule, and `replay` plays them again (it checks the last one).
 */
import type { MachineOptions } from '../../src/pool/parent/state.ts'
import type { ModelChild, WorldEvent } from './machine-model.ts'
import { MachineWorld } from './machine-world.ts'
import { pick, type Random, randomFrom } from './random.ts'

export class SimulationError extends Error {
  override readonly name = 'SimulationError'
}

/** What a run has seen, so that a test can tell that it was not an idle one. */
export type Tally = Map<string, number>

export function simulate(seed: number, steps: number, tally: Tally = new Map()): void {
  const random = randomFrom(seed)
  const options = randomOptions(random)
  const trace: WorldEvent[] = []
  try {
    const world = new MachineWorld(options)
    const apply = (event: WorldEvent) => {
      trace.push(event)
      world.apply(event)
    }
    const mood = moodOf(random)
    for (let step = 0; step < steps && !world.isOver; step++) apply(randomEvent(world, random, mood))
    settleAll(world, random, apply)
    for (const { outcome } of world.jobs) count(tally, `job ${outcome}`)
    for (const { type } of trace) count(tally, type)
    count(tally, 'illegal frame', world.illegalFrames)
  } catch (cause) {
    const text = `Seed ${seed}, ${trace.length} events: ${(cause as Error).message}`
    throw new SimulationError(`${text}\n${JSON.stringify(options)}\n${JSON.stringify(trace)}`, { cause })
  }
}

export function replay(options: MachineOptions, events: readonly WorldEvent[]): MachineWorld {
  const world = new MachineWorld(options)
  for (const event of events.slice(0, -1)) world.happen(event)
  for (const event of events.slice(-1)) world.apply(event)
  return world
}

/** How likely each event is in this run: some runs are calm, some kill a lot, some end early. */
type Mood = Readonly<Record<WorldEvent['type'] | 'illegal', number>> & { readonly costs: readonly number[] }

function moodOf(random: Random): Mood {
  const rough = random() < 0.5 ? 0.3 : 3
  const ending = random() < 0.2 ? 0.3 : 0.002
  return {
    costs: pick([[Number.POSITIVE_INFINITY], [1, 1, 7, 15], [1, 9, 21, Number.POSITIVE_INFINITY]], random),
    submit: 5,
    cancel: 0.5,
    terminateJob: 0.2 * rough,
    recallOverdue: 0.3 * rough,
    softLimit: 0.2,
    limit: 0.2 * rough,
    ready: 6,
    accepted: 6,
    finished: 5,
    recalled: 4,
    overrun: 0.3,
    illegal: 0.1 * rough,
    overdue: 0.15 * rough,
    replace: 0.15 * rough,
    gone: 0.5 * rough,
    goneBySigint: 1,
    respawnDue: 3,
    resize: 0.1,
    close: ending,
    terminate: ending / 3,
  }
}

function randomOptions(random: Random): MachineOptions {
  const size = 1 + Math.floor(random() * 4)
  return {
    size,
    spares: pick([0, 0, 1, 2], random),
    credits: pick([1, 1, 2, 3, 10], random),
    maxTasksPerChild: pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1, 3, 20], random),
    redeliverNeighbours: random() < 0.5,
    maxStartFailures: Math.max(3, size),
    restartsPerChild: pick([1, 3, 1_000], random),
    interrupts: random() < 0.2,
  }
}

function randomEvent(world: MachineWorld, random: Random, mood: Mood): WorldEvent {
  const choices: WorldEvent[] = []
  const weights: number[] = []
  let total = 0
  const add = (event: WorldEvent, weight = mood[event.type]) => {
    choices.push(event)
    weights.push(weight)
    total += weight
  }
  if (world.phase === 'run') {
    add({ type: 'submit', priority: pick([0, 0, 0, 5, -5], random), costMs: pick(mood.costs, random) })
    add({ type: 'resize', size: 1 + Math.floor(random() * 4) })
  }
  add({ type: 'close' })
  add({ type: 'terminate' })
  if (world.pendingRespawns > 0) add({ type: 'respawnDue' })
  for (const child of world.children.values()) {
    for (const event of childEvents(child, world.options.credits)) add(event)
    for (const event of illegalFrames(world, child, random)) add(event, mood.illegal)
    for (const { job, place } of child.held) {
      if (place !== 'accepted') continue
      add({ type: 'limit', job: job.id, limit: pick(['timedOut', 'overMemory'], random) })
      if (world.options.interrupts) add({ type: 'softLimit', job: job.id })
    }
  }
  if (world.jobs.length > 0) {
    // Mostly the latest: the others are settled, and must stay so.
    const job = Math.floor(world.jobs.length * Math.max(random(), random(), random()))
    add({ type: 'cancel', job })
    add({ type: 'terminateJob', job })
    add({ type: 'softLimit', job })
    add({ type: 'limit', job, limit: pick(['timedOut', 'overMemory'], random) })
  }
  let at = random() * total
  for (const [nth, weight] of weights.entries()) {
    at -= weight
    if (at <= 0) return choices[nth] as WorldEvent
  }
  return { type: 'close' }
}

/** All that a child may do, or may happen to it, without breaking the protocol. */
export function childEvents(model: ModelChild, credits: number): WorldEvent[] {
  const { child, state, killedFor, held, recalled, condemned, interrupted } = model
  const { generation } = child
  const events: WorldEvent[] = [{ type: 'gone', child: generation }]
  if (interrupted !== null) events.push({ type: 'goneBySigint', child: generation })
  if (state === 'starting') events.push({ type: 'overdue', child: generation, what: 'start' })
  if (state === 'stopping') events.push({ type: 'overdue', child: generation, what: 'stop' })
  if (state === 'ready') events.push({ type: 'replace', child: generation, reason: 'memory' })
  // Nothing more is read from a child that broke the protocol.
  if (killedFor === 'bad-frame') return events
  if (state === 'starting') events.push({ type: 'ready', child: generation })
  let running = 0
  for (const { place } of held) if (place === 'accepted') running++
  let next = true
  for (const heldJob of held) {
    const { job, place } = heldJob
    if (place === 'accepted') events.push({ type: 'finished', child: generation, job: job.id })
    else {
      // A child begins jobs in the order it was given them.
      if (next && running < credits) events.push({ type: 'accepted', child: generation, job: job.id })
      next = false
      if (recalled.has(heldJob)) events.push({ type: 'recalled', child: generation, job: job.id })
      if (condemned.has(heldJob)) events.push({ type: 'recallOverdue', job: job.id })
    }
  }
  if (held.size > running && running < credits) events.push({ type: 'overdue', child: generation, what: 'unheard' })
  if (held.size > credits) events.push({ type: 'overrun', child: generation })
  return events
}

/** Frames that are well-formed and wrong: out of order, twice, for a job of another child, for no job at all. */
function illegalFrames(world: MachineWorld, model: ModelChild, random: Random): WorldEvent[] {
  const { child, state, killedFor, held, recalled } = model
  if (killedFor === 'bad-frame') return []
  const events: WorldEvent[] = []
  if (state !== 'starting') events.push({ type: 'ready', child: child.generation })
  const job = Math.floor(random() * (world.jobs.length + 1))
  const named = world.jobs[job]
  const place = named !== undefined && held.has(named) ? named.place : 'elsewhere'
  const isNext = named === [...held].find((each) => each.place === 'dispatched')
  if (place !== 'dispatched' || !isNext) events.push({ type: 'accepted', child: child.generation, job })
  if (place !== 'accepted') events.push({ type: 'finished', child: child.generation, job })
  if (place !== 'dispatched' || !recalled.has(named as never)) {
    events.push({ type: 'recalled', child: child.generation, job })
  }
  return events
}

/** Ends the pool and lets everybody do what they have to: it must come to its end. */
function settleAll(world: MachineWorld, random: Random, apply: (event: WorldEvent) => void): void {
  apply({ type: random() < 0.7 ? 'close' : 'terminate' })
  for (let left = 100 + 30 * (world.jobs.length + world.children.size); !world.isOver; left--) {
    if (left === 0) throw new Error('the pool does not come to its end')
    apply(pick(progress(world), random))
  }
  for (let left = world.pendingRespawns; left > 0; left--) apply({ type: 'respawnDue' })
  for (const { job } of world.jobs.slice(-20)) apply({ type: pick(['cancel', 'terminateJob'], random), job: job.id })
  apply({ type: 'close' })
  apply({ type: 'terminate' })
}

const NO_PROGRESS: ReadonlySet<WorldEvent['type']> = new Set(['overdue', 'recallOverdue', 'overrun', 'replace'])

function progress(world: MachineWorld): WorldEvent[] {
  const events: WorldEvent[] = []
  if (world.pendingRespawns > 0) events.push({ type: 'respawnDue' })
  for (const child of world.children.values()) {
    const dies = child.killedFor !== null || child.state === 'stopping'
    for (const event of childEvents(child, world.options.credits)) {
      if (event.type === 'gone' || event.type === 'goneBySigint' ? dies : !NO_PROGRESS.has(event.type))
        events.push(event)
    }
  }
  if (events.length === 0) throw new Error('the pool waits for something that cannot happen')
  return events
}

function count(tally: Tally, what: string, times = 1): void {
  tally.set(what, (tally.get(what) ?? 0) + times)
}
