import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { JobQueue } from '../../src/pool/parent/job-queue.ts'
import type { PoolJob } from '../../src/pool/parent/state.ts'

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('push'), count: fc.integer({ min: 1, max: 3_000 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('shift'), count: fc.integer({ min: 1, max: 3_000 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('putBack'), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove'), count: fc.integer({ min: 1, max: 2_500 }) }) },
  ),
  { minLength: 1, maxLength: 25 },
)

test('The queue does what a plain list does', () => {
  fc.assert(
    fc.property(steps, fc.integer(), (plan, seed) => {
      const queue = new JobQueue()
      let model: PoolJob[] = []
      let taken: PoolJob[] = []
      let lastId = 0
      for (const { do: what, count } of plan) {
        if (what === 'push') {
          const jobs = Array.from({ length: count }, () => jobOf(++lastId))
          for (const job of jobs) queue.push(job)
          model.push(...jobs)
        } else if (what === 'shift') {
          const jobs = Array.from({ length: count }, () => queue.shift()).filter((job) => job !== undefined)
          assert.deepEqual(idsOf(jobs), idsOf(model.slice(0, count)))
          model = model.slice(jobs.length)
          taken = jobs
        } else if (what === 'putBack') {
          for (const job of taken.slice(-count)) {
            queue.putBack(job)
            model.unshift(job)
          }
          taken = []
        } else {
          const from = Math.abs(seed) % (model.length + 1)
          for (const job of model.slice(from, from + count)) queue.remove(job)
          model = [...model.slice(0, from), ...model.slice(from + count)]
        }
        assert.equal(queue.length, model.length)
      }
      const rest = Array.from({ length: model.length }, () => queue.shift() as PoolJob)
      assert.deepEqual(idsOf(rest), idsOf(model))
      assert.equal(queue.shift(), undefined)
    }),
    { numRuns: 200 },
  )
})

test('Jobs that are put in and taken out again, a million times behind a waiting one, take no memory', () => {
  const queue = new JobQueue()
  queue.push(jobOf(0))
  const before = heap()
  for (let id = 1; id <= 1_000_000; id++) {
    const job = jobOf(id)
    queue.push(job)
    queue.remove(job)
  }
  assert.equal(queue.length, 1)
  assert.ok(heap() - before < 2_000_000, `${heap() - before} bytes stayed`)
  assert.equal(queue.shift()?.id, 0)
})

test('A million jobs go through at a constant cost', () => {
  const queue = new JobQueue()
  const startedAtMs = performance.now()
  for (let id = 1; id <= 1_000_000; id++) queue.push(jobOf(id))
  for (let id = 1; id <= 1_000_000; id++) assert.ok(queue.shift()?.id === id)
  assert.ok(performance.now() - startedAtMs < 5_000)
})

function jobOf(id: number, priority = 0): PoolJob {
  return {
    id,
    priority,
    state: 'queued',
    child: null,
    costMs: 0,
    before: null,
    behind: null,
    returns: 0,
    hasYielded: false,
  }
}

function idsOf(jobs: readonly PoolJob[]): number[] {
  return jobs.map(({ id }) => id)
}

function heap(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
