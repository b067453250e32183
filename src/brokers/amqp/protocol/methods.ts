/** AMQP's methods, as far as they are used here: what is written of each, and what is read. */
import { AmqpError, refusal } from './amqp-error.ts'
import { FRAME_METHOD } from './frame-reader.ts'
import type { FrameWriter } from './frame-writer.ts'

/** Class and method as one number, as they stand before a method's arguments. */
export const METHOD = {
  connectionStart: 0x000a000a,
  connectionStartOk: 0x000a000b,
  connectionTune: 0x000a001e,
  connectionTuneOk: 0x000a001f,
  connectionOpen: 0x000a0028,
  connectionOpenOk: 0x000a0029,
  connectionClose: 0x000a0032,
  connectionCloseOk: 0x000a0033,
  connectionBlocked: 0x000a003c,
  connectionUnblocked: 0x000a003d,
  channelOpen: 0x0014000a,
  channelOpenOk: 0x0014000b,
  channelClose: 0x00140028,
  channelCloseOk: 0x00140029,
  exchangeDeclare: 0x0028000a,
  exchangeDeclareOk: 0x0028000b,
  exchangeBind: 0x0028001e,
  exchangeBindOk: 0x0028001f,
  queueDeclare: 0x0032000a,
  queueDeclareOk: 0x0032000b,
  queueBind: 0x00320014,
  queueBindOk: 0x00320015,
  queuePurge: 0x0032001e,
  queuePurgeOk: 0x0032001f,
  queueDelete: 0x00320028,
  queueDeleteOk: 0x00320029,
  basicQos: 0x003c000a,
  basicQosOk: 0x003c000b,
  basicConsume: 0x003c0014,
  basicConsumeOk: 0x003c0015,
  basicCancel: 0x003c001e,
  basicCancelOk: 0x003c001f,
  basicPublish: 0x003c0028,
  basicReturn: 0x003c0032,
  basicDeliver: 0x003c003c,
  basicAck: 0x003c0050,
  basicNack: 0x003c0078,
  confirmSelect: 0x0055000a,
  confirmSelectOk: 0x0055000b,
} as const

/** Begins a method's frame; its arguments and `end()` follow. */
export function method(to: FrameWriter, channel: number, id: number): FrameWriter {
  return to.begin(FRAME_METHOD, channel).long(id)
}

export function methodOf(payload: Buffer): number {
  return payload.readUInt32BE(0)
}

/** `connection.close` and `channel.close`. */
export function putClose(to: FrameWriter, channel: number, id: number): void {
  method(to, channel, id).short(200).text('').long(0).end()
}

export function readClose(payload: Buffer): AmqpError {
  return refusal(payload.readUInt16BE(ARGUMENTS_AT), readText(payload, ARGUMENTS_AT + 2))
}

export interface Tuning {
  readonly channelMax: number
  readonly frameMax: number
  /** Seconds; 0 for none. */
  readonly heartbeat: number
}

export function readTune(payload: Buffer): Tuning {
  const [channelMax, frameMax, heartbeat] = [payload.readUInt16BE(4), payload.readUInt32BE(6), payload.readUInt16BE(10)]
  return { channelMax, frameMax, heartbeat }
}

/** Of `basic.ack` and `basic.nack`, which RabbitMQ sends for what was published. */
export function readConfirm(payload: Buffer): { readonly deliveryTag: number; readonly multiple: boolean } {
  const deliveryTag = Number(payload.readBigUInt64BE(ARGUMENTS_AT))
  return { deliveryTag, multiple: (payload.readUInt8(ARGUMENTS_AT + 8) & 1) !== 0 }
}

export interface Delivering {
  readonly consumerTag: string
  readonly deliveryTag: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routingKey: string
}

export function readDeliver(payload: Buffer): Delivering {
  const consumerTag = readText(payload, ARGUMENTS_AT)
  const at = textEnd(payload, ARGUMENTS_AT)
  const exchange = readText(payload, at + 9)
  const routingKey = readText(payload, textEnd(payload, at + 9))
  const deliveryTag = Number(payload.readBigUInt64BE(at))
  return { consumerTag, deliveryTag, redelivered: payload.readUInt8(at + 8) !== 0, exchange, routingKey }
}

export function readReturn(payload: Buffer): { readonly exchange: string; readonly routingKey: string } {
  const exchangeAt = textEnd(payload, ARGUMENTS_AT + 2)
  return { exchange: readText(payload, exchangeAt), routingKey: readText(payload, textEnd(payload, exchangeAt)) }
}

/** Of the answers to `queue.purge`, `queue.delete` and, behind the queue's name, `queue.declare`. */
export function readMessageCount(payload: Buffer): number {
  const isDeclared = methodOf(payload) === METHOD.queueDeclareOk
  return payload.readUInt32BE(isDeclared ? textEnd(payload, ARGUMENTS_AT) : ARGUMENTS_AT)
}

/** The text with which a method's arguments begin. */
export function readFirstText(payload: Buffer): string {
  return readText(payload, ARGUMENTS_AT)
}

function readText(payload: Buffer, at: number): string {
  const end = textEnd(payload, at)
  if (end > payload.byteLength) throw new AmqpError('SYNTAX_ERROR', 'A text is longer than its frame')
  return payload.toString('utf8', at + 1, end)
}

function textEnd(payload: Buffer, at: number): number {
  return at + 1 + payload.readUInt8(at)
}

const ARGUMENTS_AT = 4
