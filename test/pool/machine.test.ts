import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachineOptions } from '../../src/pool/parent/state.ts'
import { MachineWorld } from './machine-world.ts'

const ONE_CHILD: MachineOptions = {
  size: 1,
  spares: 0,
  credits: 1,
  maxTasksPerChild: Number.POSITIVE_INFINITY,
  redeliverNeighbours: false,
  maxStartFailures: 3,
  restartsPerChild: 1_000,
  interrupts: false,
}
const SUBMIT = { type: 'submit', priority: 0, costMs: Number.POSITIVE_INFINITY } as const

test('A job whose children die before they accept it is tried eleven times, then lost', () => {
  const world = new MachineWorld(ONE_CHILD)
  world.apply(SUBMIT)
  for (let attempt = 1; attempt <= 11; attempt++) {
    assert.equal(world.jobs[0]?.place, 'queued', `attempt ${attempt}`)
    const child = onlyChild(world)
    world.apply({ type: 'ready', child })
    world.apply({ type: 'gone', child })
  }
  assert.equal(world.jobs[0]?.outcome, 'lost')
})

test('A pool that was never up gives up after as many failed starts as it was told', () => {
  const world = new MachineWorld(ONE_CHILD)
  world.apply(SUBMIT)
  for (let start = 1; start <= 3; start++) {
    assert.equal(world.phase, 'run')
    world.apply({ type: 'gone', child: onlyChild(world) })
    if (world.pendingRespawns > 0) world.apply({ type: 'respawnDue' })
  }
  assert.equal(world.jobs[0]?.outcome, 'unstarted')
  assert.ok(world.isOver)
})

test('A pool that was up goes on after any number of failed starts, until it is closed', () => {
  const world = new MachineWorld(ONE_CHILD)
  const first = onlyChild(world)
  world.apply({ type: 'ready', child: first })
  world.apply({ type: 'gone', child: first })
  world.apply(SUBMIT)
  for (let start = 1; start <= 50; start++) {
    world.apply({ type: 'gone', child: onlyChild(world) })
    world.apply({ type: 'respawnDue' })
  }
  assert.deepEqual([world.phase, world.jobs[0]?.place], ['run', 'queued'])
  world.apply({ type: 'close' })
  world.apply({ type: 'gone', child: onlyChild(world) })
  assert.equal(world.jobs[0]?.outcome, 'unstarted')
  assert.ok(world.isOver)
})

test('A result that is read after its job was terminated counts', () => {
  const world = new MachineWorld(ONE_CHILD)
  const child = onlyChild(world)
  world.apply({ type: 'ready', child })
  world.apply(SUBMIT)
  world.apply({ type: 'accepted', child, job: 0 })
  world.apply({ type: 'terminateJob', job: 0 })
  world.apply({ type: 'finished', child, job: 0 })
  world.apply({ type: 'gone', child })
  assert.equal(world.jobs[0]?.outcome, 'succeeded')
})

function onlyChild(world: MachineWorld): number {
  const [generation] = [...world.children.keys()]
  assert.ok(generation !== undefined)
  return generation
}
