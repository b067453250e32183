/** Exchanges of the delayed delivery that somebody has deleted. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { openerOf } from '../conformance/open.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { claimOne, consumerOf, outgoing, setUpDelays } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

test('the entrance of the delayed delivery is made again after it was deleted', {
  skip,
  timeout: 25_000,
}, async (t) => {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  await setUpDelays(broker)
  const channel = await amqpChannel(t, url)
  await channel.exchangeDelete({ exchange: 'celery_delayed_27' })
  const delayed = outgoing({ id: 'late', headers: { eta: new Date(Date.now() + 500).toISOString() } })
  await assert.rejects(broker.publish([delayed]), { code: 'CAROM_STORE_UNAVAILABLE' })
  await broker.publish([delayed])
  assert.equal((await claimOne(consumer)).message.headers.id, 'late')
})
