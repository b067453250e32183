/** `acksLate: false`: the message is gone as soon as the task has started, and nothing of it can go back. */
import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { CaromError, isCaromError } from '../../src/errors.ts'
import { until } from '../support/wait.ts'
import { claimed, ledger, startWorkerProcess } from './lab.ts'
import { startNode } from './node-lab.ts'

const { app, add, early, noted } = await import('./fixtures/tasks.ts')
after(() => app.close())

const GET = { timeoutMs: 10_000 }
const started = (taskId: string) => until(() => ledger(taskId).length > 0, { what: 'the task has started' })
const full = () => new CaromError('CAROM_STORE_FULL', 'No space')
const away = () => new CaromError('CAROM_STORE_UNAVAILABLE', 'The connection broke')

test('a worker killed after the ack loses the task', async (t) => {
  const worker = await startWorkerProcess(t)
  const result = await early.delay(60_000)
  await started(result.id)
  await until(async () => (await claimed()) === 0, { what: 'the message is acked' })
  worker.process.kill('SIGKILL')
  await worker.exited
  await startWorkerProcess(t)
  await (await add.delay(1, 1)).get(GET)
  assert.equal(ledger(result.id).length, 1)
  assert.equal(await result.state(), 'PENDING')
})

test('a worker stopped cold tells the caller that the task is lost', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true, coldGraceMs: 100 })
  const result = await early.delay(60_000)
  await started(result.id)
  await until(async () => (await claimed()) === 0, { what: 'the message is acked' })
  await worker.climb('SIGTERM', 'warm')
  await worker.climb('SIGTERM', 'cold')
  await assert.rejects(result.get(GET), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_WORKER_LOST'))
    assert.match(error.message, /worker was stopped/)
    return true
  })
  assert.equal(await worker.exited, 0)
})

test('the claim is renewed until the ack is through', async (t) => {
  let isFull = true
  const renewed: string[] = []
  await startNode(t, { leaseMs: 300 }, (real) => ({
    settle: async (settlements) => {
      if (isFull) throw full()
      return real.settle(settlements)
    },
    renew: async (tokens) => {
      renewed.push(...tokens)
      return real.renew(tokens)
    },
  }))
  const result = await early.delay(0)
  await started(result.id)
  await until(() => renewed.length >= 3, { what: 'the claim was renewed, though its ack was refused' })
  isFull = false
  assert.equal(await result.get(GET), 'done')
  assert.equal(await claimed(), 0)
})

test('the result of a task whose ack came too late is not stored', async (t) => {
  const { node, ended } = await startNode(t, {}, (real) => ({
    settle: async (settlements) => {
      await until(() => ledger(result.id).some(({ event }) => event === 'END'), { what: 'the task has ended' })
      // Another worker has got the message meanwhile.
      await real.settle(settlements.map(({ token }) => ({ token, result: null, next: [], end: { type: 'ack' } })))
      return settlements.map(() => 'lost')
    },
  }))
  const result = await early.delay(0)
  await started(result.id)
  node.stop('warm')
  await ended
  assert.equal(await result.state(), 'PENDING')
})

test('an ack that is through, though its answer never came, is not taken for a lost lease', async (t) => {
  let breaks = 1
  await startNode(t, {}, (real) => ({
    settle: async (settlements) => {
      const settled = await real.settle(settlements)
      if (breaks-- > 0) throw away()
      return settled
    },
  }))
  const result = await early.delay(500)
  assert.equal(await result.get(GET), 'done')
  assert.equal(ledger(result.id).filter(({ event }) => event === 'START').length, 1)
  assert.equal(await claimed(), 0)
})

test('where nobody can say whether the ack is through, the caller is told that the task is lost', async (t) => {
  let breaksUntilMs = Infinity
  await startNode(t, { leaseMs: 300 }, (real) => ({
    settle: async (settlements) => {
      const settled = await real.settle(settlements)
      breaksUntilMs = Math.min(breaksUntilMs, performance.now() + 1_000)
      if (performance.now() < breaksUntilMs) throw away()
      return settled
    },
  }))
  const result = await early.delay(60_000)
  await assert.rejects(result.get(GET), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_WORKER_LOST'))
    assert.match(error.message, /store was away/)
    return true
  })
  assert.deepEqual(
    ledger(result.id).map(({ event }) => event),
    ['START'],
  )
})

test('a late ack that is through, though its answer never came, counts once', async (t) => {
  let breaks = 1
  const { node } = await startNode(t, {}, (real) => ({
    settle: async (settlements) => {
      const settled = await real.settle(settlements)
      if (breaks-- > 0) throw away()
      return settled
    },
  }))
  const result = await noted.delay(0)
  assert.equal(await result.get(GET), 0)
  await until(() => node.totals['lab.noted'] === 1, { what: 'the worker knows that it is stored' })
  assert.equal(ledger(result.id).filter(({ event }) => event === 'START').length, 1)
  assert.equal(await claimed(), 0)
})
