/** A channel of the test's own, to put into queues what others would, and to see what is in them. */
import type { TestContext } from 'node:test'
import { type Channel, Connection } from 'rabbitmq-client'
import { afterwards } from '../conformance/afterwards.ts'

export async function amqpChannel(t: TestContext, url: string): Promise<Channel> {
  const connection = new Connection({ url, retryLow: 50, frameMax: 131_072 })
  connection.on('error', () => {})
  const channel = await connection.acquire({ emitErrorsFromChannel: true })
  channel.on('error', () => {})
  afterwards(t, () => connection.unsafeDestroy())
  return channel
}
