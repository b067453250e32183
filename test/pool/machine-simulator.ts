/**
 * Drives the pool's machine with random events, the same for the same seed: `simulate(seed, steps)` throws a
 * {@link SimulationError} with all events up to the broken rule, and `replay` plays them again (it checks the last one).
 */
import type { MachineOptions } from '../../src/pool/parent/state.ts'
import { MachineWorld, type ModelChild, type WorldEvent } from './machine-world.ts'

export class SimulationError extends Error {
  override readonly name = 'SimulationError'
}

/** What a run has seen, so that a test can tell that it was not an idle one. */
export type Tally = Map<string, number>

export function simulate(seed: number, steps: number, tally: Tally = new Map()): void {
  const random = randomFrom(seed)
  const options = randomOptions(random)
  const world = new MachineWorld(options)
  const trace: WorldEvent[] = []
  const apply = (event: WorldEvent) => {
    trace.push(event)
    world.apply(event)
  }
  try {
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
type Mood = Readonly<Record<WorldEvent['type'] | 'illegal', number>>

function moodOf(random: Random): Mood {
  const rough = random() < 0.5 ? 0.3 : 3
  const ending = random() < 0.3 ? 0.3 : 0.005
  return {
    submit: 4,
    cancel: 0.5,
    terminateJob: 0.3 * rough,
    ready: 6,
    accepted: 6,
    finished: 5,
    illegal: 0.15 * rough,
    startTimedOut: 0.3 * rough,
    stopTimedOut: 1,
    gone: 0.5 * rough,
    respawnDue: 3,
    close: ending,
    terminate: ending / 3,
  }
}

function randomOptions(random: Random): MachineOptions {
  const size = 1 + Math.floor(random() * 4)
  return { size, credits: pick([1, 1, 2, 3, 10], random), maxStartFailures: Math.max(3, size) }
}

function randomEvent(world: MachineWorld, random: Random, mood: Mood): WorldEvent {
  const choices: { readonly event: WorldEvent; readonly weight: number }[] = []
  const add = (event: WorldEvent, weight = mood[event.type]) => choices.push({ event, weight })
  if (world.phase === 'run') add({ type: 'submit' })
  add({ type: 'close' })
  add({ type: 'terminate' })
  for (const slot of world.respawns) add({ type: 'respawnDue', slot })
  for (const child of world.children.values()) {
    for (const event of childEvents(child)) add(event)
    for (const event of illegalFrames(world, child, random)) add(event, mood.illegal)
  }
  if (world.jobs.length > 0) {
    // Mostly the latest: the others are settled, and must stay so.
    const job = Math.floor(world.jobs.length * Math.max(random(), random(), random()))
    add({ type: 'cancel', job })
    add({ type: 'terminateJob', job })
  }
  let at = random() * choices.reduce((sum, { weight }) => sum + weight, 0)
  for (const { event, weight } of choices) {
    at -= weight
    if (at <= 0) return event
  }
  return { type: 'close' }
}

/** All that a child may do, or may happen to it, without breaking the protocol. */
export function childEvents({ child, state, killedFor, held }: ModelChild): WorldEvent[] {
  const { generation } = child
  const events: WorldEvent[] = [{ type: 'gone', child: generation }]
  if (state === 'starting') events.push({ type: 'startTimedOut', child: generation })
  if (state === 'stopping') events.push({ type: 'stopTimedOut', child: generation })
  // Nothing more is read from a child that broke the protocol.
  if (killedFor === 'bad-frame') return events
  if (state === 'starting') events.push({ type: 'ready', child: generation })
  for (const { job, place } of held) {
    events.push({ type: place === 'dispatched' ? 'accepted' : 'finished', child: generation, job: job.id })
  }
  return events
}

/** Frames that are well-formed and wrong: out of order, twice, for a job of another child, for no job at all. */
function illegalFrames(world: MachineWorld, { child, state, killedFor, held }: ModelChild, random: Random) {
  if (killedFor === 'bad-frame') return []
  const events: WorldEvent[] = []
  if (state !== 'starting') events.push({ type: 'ready', child: child.generation })
  const job = Math.floor(random() * (world.jobs.length + 1))
  const model = world.jobs[job]
  const place = model !== undefined && held.has(model) ? model.place : 'elsewhere'
  if (place !== 'dispatched') events.push({ type: 'accepted', child: child.generation, job })
  if (place !== 'accepted') events.push({ type: 'finished', child: child.generation, job })
  return events
}

/** Ends the pool and lets everybody do what they have to: it must come to its end. */
function settleAll(world: MachineWorld, random: Random, apply: (event: WorldEvent) => void): void {
  apply({ type: random() < 0.7 ? 'close' : 'terminate' })
  for (let left = 50 + 20 * (world.jobs.length + world.children.size); !world.isOver; left--) {
    if (left === 0) throw new Error('the pool does not come to its end')
    apply(pick(progress(world), random))
  }
  for (const slot of world.respawns) apply({ type: 'respawnDue', slot })
  for (const { job } of world.jobs) apply({ type: pick(['cancel', 'terminateJob'], random), job: job.id })
  apply({ type: 'close' })
  apply({ type: 'terminate' })
}

function progress(world: MachineWorld): WorldEvent[] {
  const events: WorldEvent[] = [...world.respawns].map((slot) => ({ type: 'respawnDue', slot }))
  for (const child of world.children.values()) {
    const dies = child.killedFor !== null || child.state === 'stopping'
    events.push(...childEvents(child).filter(({ type }) => (type === 'gone' ? dies : !type.endsWith('TimedOut'))))
  }
  if (events.length === 0) throw new Error('the pool waits for something that cannot happen')
  return events
}

type Random = () => number

/** Mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)] as T
}

function count(tally: Tally, what: string, times = 1): void {
  tally.set(what, (tally.get(what) ?? 0) + times)
}
