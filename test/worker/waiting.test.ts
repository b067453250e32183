/** What a worker has claimed ahead and cannot start is for others. */
import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { until } from '../support/wait.ts'
import { ledger } from './lab.ts'
import { startNode } from './node-lab.ts'

const { app, add, noted } = await import('./fixtures/tasks.ts')
after(() => app.close())

const GET = { timeoutMs: 10_000 }
const hasEnded = (taskId: string) => ledger(taskId).some(({ event }) => event === 'END')

test('what was claimed ahead of a long task goes back, and is not claimed again while that task runs', async (t) => {
  let asked = 0
  let claimed: string[] = []
  const { broker } = await startNode(t, {}, (real) => ({
    claim: async (max, options) => {
      asked = max
      const deliveries = await real.claim(max, options)
      asked = 0
      claimed.push(...deliveries.map(({ message }) => message.headers.id))
      return deliveries
    },
  }))
  const asksAhead = async () => {
    const short = await add.applyMany(Array.from({ length: 200 }, () => [1, 1] as [number, number]))
    for (const result of short) await result.get(GET)
    return asked > 4
  }
  await until(asksAhead, { withinMs: 20_000, what: 'the worker asks for more than it can run' })
  const long = await noted.delay(2_000)
  await until(() => ledger(long.id).length > 0 && asked > 3, { what: 'the long task runs, and more is asked for' })
  const behind = await noted.delay(0)
  await until(() => claimed.includes(behind.id), { what: 'the next one is claimed ahead' })
  claimed = []
  const waiting = async () => (await broker.depths()).some((depth) => depth.waiting > 0)
  await until(waiting, { what: 'it goes back' })
  await until(() => hasEnded(long.id) || claimed.length > 0, { what: 'the long task has ended' })
  assert.ok(hasEnded(long.id), 'it was claimed again while the long task ran')
  assert.equal(await behind.get(GET), 0)
})
