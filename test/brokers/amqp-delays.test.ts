/** When delayed messages come, on both kinds of queues. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { openerOf } from '../conformance/open.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, consumerOf, outgoing, setUpDelays } from '../conformance/store.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

for (const queueType of ['classic', 'quorum']) {
  test(`none of forty delayed messages is early, or more than 1.5 s late (${queueType})`, {
    skip,
    timeout: 25_000,
  }, async (t) => {
    const server = await rabbit()
    const { broker } = await openerOf(t, `${server.url(await server.vhost())}?queueType=${queueType}`)()
    await setUpDelays(broker)
    const consumer = await consumerOf(broker)
    const startedMs = Date.now()
    const dueMs = new Map(Array.from({ length: 40 }, (_, index) => [String(index), startedMs + 300 + index * 113]))
    await broker.publish(
      [...dueMs].map(([id, atMs]) => outgoing({ id, headers: { eta: new Date(atMs).toISOString() } })),
    )
    const signal = AbortSignal.timeout(15_000)
    const lates: number[] = []
    while (lates.length < dueMs.size && !signal.aborted) {
      const deliveries = await consumer.claim(4, { signal })
      for (const { message, counts } of deliveries) {
        lates.push(Date.now() - (dueMs.get(message.headers.id) as number))
        assert.deepEqual(counts, { deliveries: 1, crashes: 0, foreign: 0 })
      }
      await consumer.settle(deliveries.map((delivery) => acked(delivery)))
    }
    assert.equal(lates.length, dueMs.size)
    assert.ok(Math.min(...lates) >= 0, `one came ${-Math.min(...lates)} ms early`)
    assert.ok(Math.max(...lates) < 1_500, `one came ${Math.max(...lates)} ms late`)
  })
}
