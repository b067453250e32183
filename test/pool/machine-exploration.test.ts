import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childEvents, replay } from './machine-simulator.ts'
import type { MachineWorld, WorldEvent } from './machine-world.ts'

const JOBS = 2

for (const { credits, depth } of [
  { credits: 1, depth: 9 },
  { credits: 2, depth: 9 },
]) {
  test(`Two children with ${credits} credits and two jobs keep the rules in every order of ${depth} events`, (t) => {
    const { states, ends } = explore({ size: 2, credits, maxStartFailures: 3 }, depth)
    t.diagnostic(`${states} states, ${ends} of them ends`)
    assert.ok(states > 10_000 && ends > 0, `only ${states} states and ${ends} ends were reached`)
  })
}

/** Breadth first, so that the first trace that breaks a rule is a shortest one. */
function explore(options: Parameters<typeof replay>[0], depth: number): { readonly states: number; ends: number } {
  const seen = new Set<string>()
  let ends = 0
  let frontier: (readonly WorldEvent[])[] = [[]]
  for (let level = 0; level <= depth && frontier.length > 0; level++) {
    const next: (readonly WorldEvent[])[] = []
    for (const trace of frontier) {
      const world = reach(options, trace)
      const key = world.key()
      if (seen.has(key)) continue
      seen.add(key)
      if (world.isOver) ends++
      else if (level < depth) for (const event of enabled(world)) next.push([...trace, event])
    }
    frontier = next
  }
  return { states: seen.size, ends }
}

function reach(options: Parameters<typeof replay>[0], trace: readonly WorldEvent[]): MachineWorld {
  try {
    return replay(options, trace)
  } catch (cause) {
    throw new Error(`${(cause as Error).message} after ${JSON.stringify(trace)}`, { cause })
  }
}

function enabled(world: MachineWorld): WorldEvent[] {
  const events: WorldEvent[] = [...world.children.values()].flatMap(childEvents)
  if (world.phase === 'run' && world.jobs.length < JOBS) events.push({ type: 'submit' })
  if (world.phase === 'run') events.push({ type: 'close' })
  if (world.phase === 'run' || world.phase === 'close') events.push({ type: 'terminate' })
  for (const slot of world.respawns) events.push({ type: 'respawnDue', slot })
  for (const { job, place } of world.jobs) {
    if (place !== 'settled') events.push({ type: 'cancel', job: job.id }, { type: 'terminateJob', job: job.id })
  }
  return events
}
