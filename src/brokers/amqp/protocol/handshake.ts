/** What is said before a connection is open. */
import type { FrameWriter } from './frame-writer.ts'
import { METHOD, method, type Tuning } from './methods.ts'

export const PROTOCOL_HEADER = Buffer.from([...Buffer.from('AMQP'), 0, 0, 9, 1])

export interface Introduction {
  readonly vhost: string
  readonly username: string
  readonly password: string
  /** Seconds, at most; 0 for never. */
  readonly heartbeat: number
  /** Bytes, at most; it is what RabbitMQ says where that is less. */
  readonly frameMax: number
  /** Told to RabbitMQ, and shown to its operators. */
  readonly name: string
}

export function putStartOk(to: FrameWriter, { name, username, password }: Introduction): void {
  const frame = method(to, 0, METHOD.connectionStartOk).table({
    product: 'carom',
    platform: `node ${process.version}`,
    connection_name: name,
    capabilities: CAPABILITIES,
  })
  frame.text('PLAIN').longText(`\0${username}\0${password}`).text('en_US').end()
}

/** The lower of both; 0 of RabbitMQ's says that it sets no limit, or asks for no heartbeats. */
export function agreed({ heartbeat, frameMax }: Introduction, offered: Tuning): Tuning {
  return {
    channelMax: offered.channelMax || MOST_CHANNELS,
    frameMax: Math.min(frameMax, offered.frameMax || frameMax),
    heartbeat: heartbeat === 0 ? 0 : Math.min(heartbeat, offered.heartbeat || heartbeat),
  }
}

export function putOpen(to: FrameWriter, { vhost }: Introduction, { channelMax, frameMax, heartbeat }: Tuning): void {
  method(to, 0, METHOD.connectionTuneOk).short(channelMax).long(frameMax).short(heartbeat).end()
  method(to, 0, METHOD.connectionOpen).text(vhost).text('').bits(false).end()
}

const MOST_CHANNELS = 65_535
const CAPABILITIES = {
  'basic.nack': true,
  'connection.blocked': true,
  publisher_confirms: true,
  exchange_exchange_bindings: true,
  consumer_cancel_notify: true,
  authentication_failure_close: true,
}
