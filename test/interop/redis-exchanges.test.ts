/** Steps of a workflow that name an exchange: Celery publishes there, and Carom, which does not, says so in time. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { until } from '../support/wait.ts'
import { GET, ledger, mixedCluster, on, runWorkflow, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const mixed = mixedCluster()
const run = runWorkflow(mixed)
const elsewhere = { queue: null, exchange: 'orders', routing_key: 'orders.new' }

test('a task whose next step or link names an exchange fails with the reason, and has not run', options, async () => {
  const next = on('py', 'add', [1], { ...elsewhere, task_id: 'never' })
  const chained = await run(['chain', on('ts', 'noted'), next], { timeout: 5 })
  const linked = await run(on('ts', 'noted', [], { link: [next] }))
  const linkedToError = await run(on('ts', 'noted', [], { link_error: [on('py', 'errback', [], elsewhere)] }))
  for (const { error, state } of [chained, linked, linkedToError]) {
    assert.equal(state, 'FAILURE')
    assert.match(error?.args.join() ?? '', /options\.exchange.*"orders", with the routing key "orders\.new".*name one/)
  }
  assert.deepEqual(ledger(), [])
})

test('the body of a chord that names an exchange ends in a ChordError with the reason', options, async () => {
  const body = on('py', 'sum', [], elsewhere)
  const { error } = await run(['chord', [on('ts', 'add', [1, 1]), on('ts', 'add', [2, 2])], body])
  assert.equal(error?.type, 'ChordError')
  assert.match(error?.args.join() ?? '', /"orders", with the routing key "orders\.new"/)
})

test('an exchange or a routing key alone says nothing, on either side', options, async (t) => {
  const client = mixed.server.client()
  t.after(() => client.disconnect())
  await client.sadd('_kombu.binding.orders', 'orders.new\x06\x16\x06\x16orders-queue')
  for (const first of ['ts', 'py'] as const) {
    for (const [name, half] of Object.entries({ exchange: 'orders', routing_key: 'orders.new' })) {
      const id = `half-${first}-${name}`
      await run(['chain', on(first, 'add', [1, 1]), on('ts', 'add', [1], { [name]: half, task_id: id })])
      assert.equal(await mixed.carom.app.result(id).get(GET), 3)
    }
  }
  // What Celery does with both, which Carom does not.
  await run(on('py', 'add', [1, 1], { link: [on('ts', 'add', [1], { ...elsewhere, queue: 'ts' })] }))
  await until(async () => (await client.llen('orders-queue')) === 1, { what: 'it is in the queue of that exchange' })
})
