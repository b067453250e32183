/** What a worker finds out of others: whether they know a task that it does not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { ControlRequest } from '../../src/brokers/broker.ts'
import { Neighbours } from '../../src/worker/neighbours.ts'

const MINUTE_MS = 60_000

/** Others that reply what they are told to, on a clock that stands. */
function neighbourhood(replies: Record<string, unknown>) {
  const state = { nowMs: 0, asked: 0, replies, fails: false }
  const ask = async ({ method }: ControlRequest) => {
    state.asked++
    assert.equal(method, 'registered')
    if (state.fails) throw new Error('the store is away')
    return state.replies
  }
  const neighbours = new Neighbours({ ask }, () => state.nowMs)
  /** Looks up, with the replies to that heard. */
  const heard = async (task: string) => {
    neighbours.whoKnows(task)
    await new Promise(setImmediate)
    return neighbours.whoKnows(task)
  }
  return { state, neighbours, heard }
}

test('a task is known elsewhere when another worker has registered it, with whatever Celery writes behind it', async () => {
  const { heard } = neighbourhood({
    'py@one': ['py.add [rate_limit=10/m]'],
    'py@two': ['py.sub', 7],
    odd: { error: 'no' },
  })
  assert.equal(await heard('py.add'), 'known')
  assert.equal(await heard('py.add [rate_limit=10/m]'), 'unasked')
})

test('nobody knows a task only after they have had a minute to say so', async () => {
  const { state, neighbours, heard } = neighbourhood({ 'py@one': ['py.add'] })
  assert.equal(neighbours.whoKnows('other'), 'unasked')
  assert.equal(await heard('other'), 'unasked')
  state.nowMs = MINUTE_MS - 1
  assert.equal(await heard('other'), 'unasked')
  state.nowMs = MINUTE_MS
  assert.equal(await heard('other'), 'unknown')
})

test('a worker that has gone is remembered for an hour: it may be being started anew', async () => {
  const { state, heard } = neighbourhood({ 'py@one': ['py.add'] })
  await heard('py.add')
  assert.equal(await heard('py.add'), 'known')
  state.replies = {}
  state.nowMs = 59 * MINUTE_MS
  assert.equal(await heard('py.add'), 'known')
  state.nowMs = 61 * MINUTE_MS
  assert.equal(await heard('py.add'), 'unknown')
})

test('they are asked now and then, not for each message; and who could not be asked is not who does not know', async () => {
  const { state, neighbours, heard } = neighbourhood({})
  for (let index = 0; index < 1_000; index++) neighbours.whoKnows(`task-${index}`)
  assert.equal(state.asked, 1)
  state.fails = true
  state.nowMs = MINUTE_MS
  assert.equal(await heard('task-1'), 'unasked')
  state.fails = false
  state.nowMs += 10_000
  assert.equal(await heard('task-1'), 'unknown')
  assert.equal(state.asked, 3)
})
