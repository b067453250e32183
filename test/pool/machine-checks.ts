/** The rules that hold between any two events of the pool's machine; invariants as in docs/internals/pool.md. */
import assert from 'node:assert/strict'
import type { PoolChild } from '../../src/pool/parent/state.ts'
import type { MachineEffects } from './machine-effects.ts'
import { hasLineFor, isWilling, jobsInCredit, type ModelChild, type ModelJob } from './machine-model.ts'
import type { MachineWorld } from './machine-world.ts'

export function checkWorld(world: MachineWorld): void {
  assert.equal(world.expected.size, 0, 'jobs that should have settled did not')
  assert.equal(world.seen.started, world.everReady ? 1 : 0, 'started is told once, with the first child')
  assert.equal(world.seen.unstarted, world.expectsUnstarted ? 1 : 0, 'giving up is told once')
  checkCounts(world)
  checkJobs(world)
  checkChildren(world)
  checkWork(world)
  if (world.needsChildren) checkStaff(world)
  else {
    for (const { state, killedFor } of world.children.values()) {
      assert.ok(killedFor !== null || state === 'stopping', 'a child that nobody needs is left alone')
    }
  }
  const over = world.phase !== 'run' && world.openJobs.size === 0 && world.children.size === 0
  assert.equal(world.isOver, over, 'the end is told when nothing is left, and not before')
}

function checkCounts({ machine, phase, openJobs, queue, startFailures, size }: MachineWorld): void {
  assert.equal(machine.phase, phase)
  assert.equal(machine.open, openJobs.size)
  assert.equal(machine.queued, queue.length)
  assert.equal(machine.staff.startFailures, startFailures)
  assert.equal(machine.staff.size, size)
}

function checkJobs({ openJobs, queue }: MachineWorld): void {
  for (const { job, place, holder, returns } of openJobs) {
    if (job.state !== place || job.child !== (holder?.child ?? null) || job.returns !== returns) {
      assert.deepEqual([job.state, job.child, job.returns], [place, holder?.child ?? null, returns])
    }
  }
  for (let at = 1; at < queue.length; at++) {
    const [before, after] = [queue[at - 1], queue[at]]
    assert.ok((before?.job.priority as number) >= (after?.job.priority as number), 'the model queues out of order')
  }
}

function checkChildren(world: MachineWorld): void {
  const known = [...world.machine.staff.children]
  assert.equal(known.length, world.children.size, 'the machine knows other children')
  for (const model of world.children.values()) {
    const { child } = model
    assert.ok(world.machine.staff.children.has(child), 'the machine has forgotten a child')
    if (agrees(model, child)) continue
    const { state, killedFor, taken, overrun } = model
    assert.deepEqual(factsOf(child), { state, killedFor, taken, overrun, due: model.due, jobs: idsOf(model) })
  }
}

function agrees(model: ModelChild, child: PoolChild): boolean {
  const { state, killedFor, taken, overrun, due, held } = model
  if (child.state !== state || child.killedFor !== killedFor || child.taken !== taken) return false
  if (child.overrun !== overrun || (child.due !== null) !== due || child.jobs.size !== held.size) return false
  const jobs = [...held]
  let nth = 0
  for (const job of child.jobs) if (job !== jobs[nth++]?.job) return false
  return true
}

function factsOf({ state, killedFor, taken, overrun, due, jobs }: PoolChild): unknown {
  return { state, killedFor, taken, overrun, due: due !== null, jobs: Array.from(jobs, ({ id }) => id) }
}

function idsOf({ held }: ModelChild): number[] {
  return Array.from(held, ({ job }) => job.id)
}

/** No job waits beside a place where it may run, and no more run than may. */
function checkWork(world: MachineWorld): void {
  const { options, size, queue, children } = world
  const inCredit = jobsInCredit(children.values(), options)
  const [head] = queue
  if (head === undefined) return
  for (const child of children.values()) {
    if (!isWilling(child, options)) continue
    const hasRoom = inCredit < size * options.credits && child.held.size < options.credits
    assert.ok(!hasRoom, 'a job waits beside a child that has room')
    assert.ok(!hasLineFor(head.costMs, child, options), 'a job waits beside a line that is short enough')
  }
}

/** While children are needed: as many as wanted, one more while one is due, and none goes before its successor came. */
function checkStaff(world: MachineWorld): void {
  const { wanted, options, pendingRespawns } = world
  let here = 0
  let unharmed = 0
  let ready = 0
  let due = 0
  for (const child of world.children.values()) {
    const { state, killedFor } = child
    const isAtWork = (state === 'starting' || state === 'ready') && killedFor !== 'terminate'
    if (!isAtWork) continue
    here++
    if (killedFor !== null) continue
    unharmed++
    if (state === 'ready') ready++
    if (child.due) due++
    const isSpent = state === 'ready' && child.taken >= options.maxTasksPerChild
    assert.ok(!isSpent || child.held.size > 0, 'a child that may do nothing more is left standing')
  }
  const extra = due > 0 ? 1 : 0
  assert.ok(here + pendingRespawns >= wanted + extra, 'too few children, and none on the way')
  assert.ok(unharmed <= wanted + 1, 'more than one child too many')
  assert.ok(unharmed <= wanted || due > 0, 'a child too many, and none to replace')
  assert.ok(!(due > 0 && ready > wanted), 'a successor is ready, and nobody goes')
  for (const child of world.children.values()) {
    assert.ok(
      child.state !== 'leaving' || child.held.size > 0 || child.killedFor !== null,
      'a child waits to be stopped',
    )
  }
}

export function checkSpawn(world: MachineEffects, child: PoolChild): void {
  assert.ok(world.needsChildren, 'a spawn that nobody needs')
  for (const { child: other } of world.children.values()) {
    assert.notEqual(other.slot, child.slot, 'two children in one slot')
    assert.ok(other.generation < child.generation, 'a generation that was used before')
  }
}

/** The child is about to be given the job. */
export function checkRun({ options, children, size }: MachineEffects, child: ModelChild, job: ModelJob): void {
  assert.ok(isWilling(child, options), 'a job for a child that takes none')
  if (child.held.size >= options.credits) {
    assert.ok(hasLineFor(job.costMs, child, options), 'a job behind others that are not short')
  } else assert.ok(jobsInCredit(children.values(), options) < size * options.credits, 'more jobs than the pool runs')
}
