/** A message on its way to RabbitMQ. */
import { AmqpError } from './amqp-error.ts'
import { type Headers, type Properties, putContentHeader } from './content.ts'
import { FRAME_BODY, FRAME_EXTRA_BYTES, FRAME_HEADER } from './frame-reader.ts'
import type { FrameWriter } from './frame-writer.ts'
import { METHOD, method } from './methods.ts'

export interface Publication {
  readonly exchange: string
  readonly routingKey: string
  /** One that reaches no queue comes back. */
  readonly mandatory: boolean
  readonly properties: Properties
  readonly headers: Headers
  readonly body: Uint8Array
}

/** All of its frames. @throws FieldTableError, RangeError, AmqpError for what cannot be written */
export function putPublication(to: FrameWriter, channel: number, frameMax: number, publication: Publication): void {
  const { exchange, routingKey, mandatory, properties, headers, body } = publication
  const most = frameMax - FRAME_EXTRA_BYTES
  method(to, channel, METHOD.basicPublish).short(0).text(exchange).text(routingKey).bits(mandatory).end()
  putContentHeader(to.begin(FRAME_HEADER, channel), properties, headers, body.byteLength)
  if (to.payloadBytes > most) {
    throw new AmqpError('CONTENT_TOO_LARGE', `Headers and properties take more than ${most} bytes`)
  }
  to.end()
  for (let at = 0; at < body.byteLength; at += most) {
    to.begin(FRAME_BODY, channel)
      .bytes(body.subarray(at, at + most))
      .end()
  }
}
