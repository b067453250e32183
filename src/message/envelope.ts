/**
 * The JSON envelope in which kombu puts a message where the store has no notion of one (Redis): body in base64,
 * headers and properties beside it.
 */
import { headersText, propertiesText } from './fields-text.ts'
import type { UncheckedMessage } from './headers.ts'
import { invalidMessage, isJsonObject, kindOf, quoted } from './invalid-message.ts'
import type { MessageProperties } from './message.ts'
import { decodeWireJson, encodeWireJson, MalformedJsonError } from './wire-json.ts'
import { decodeBase64, toBase64 } from './wire-json-tags.ts'

/**
 * Where an envelope goes. None of it may be missing on the wire: a Python worker that takes a message without it
 * dies of it, and the message with it.
 */
export interface Route {
  readonly deliveryTag: string
  /** `''` for a queue addressed by its name. */
  readonly exchange: string
  readonly routingKey: string
}

/** An envelope that was read. What its sender left out is `null`: it has to be filled in before it is written again. */
export interface Envelope extends UncheckedMessage, Kept {
  readonly deliveryTag: string | null
  readonly exchange: string | null
  readonly routingKey: string | null
}

/** Keys that mean nothing here, kept for those who know them. */
export interface Kept {
  /** Of `delivery_info`, such as `redelivered`. */
  readonly deliveryInfo?: Readonly<Record<string, unknown>>
  /** Of the envelope itself. */
  readonly others?: Readonly<Record<string, unknown>>
}

/**
 * Reads an envelope. The headers are not looked at: see `checkTaskHeaders` and `readTask`.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID`, with the part that is wrong in `field`.
 */
export function parseEnvelope(text: string): Envelope {
  const { body, headers, properties, 'content-type': type, 'content-encoding': encoding, ...others } = decode(text)
  const { optional, required } = reader(isJsonObject(headers) ? headers : {})
  const messageHeaders = optional('headers', headers, isJsonObject, 'an object') ?? {}
  const { delivery_info, delivery_tag, body_encoding, ...rest } =
    optional('properties', properties, isJsonObject, 'an object') ?? {}
  const { exchange, routing_key, ...deliveryInfo } =
    optional('properties.delivery_info', delivery_info, isJsonObject, 'an object') ?? {}
  checkProperties(rest, optional)
  const bodyText = required('body', body, isString, 'a string')
  return {
    headers: messageHeaders,
    properties: rest as MessageProperties,
    contentType: required('content-type', type, isString, 'a string'),
    contentEncoding: optional('content-encoding', encoding, isString, 'a string') ?? 'utf-8',
    body: decodeBytes(messageHeaders, bodyText, body_encoding),
    deliveryTag: optional('properties.delivery_tag', delivery_tag, isString, 'a string'),
    exchange: optional('properties.delivery_info.exchange', exchange, isString, 'a string'),
    routingKey: optional('properties.delivery_info.routing_key', routing_key, isString, 'a string'),
    deliveryInfo,
    others,
  }
}

/** The text of an envelope, complete as Python needs it. The body is always in base64: kombu 5.3 reads nothing else. */
export function buildEnvelope(envelope: UncheckedMessage & Route & Kept): string {
  const { body, contentEncoding, contentType, exchange, routingKey, deliveryTag, deliveryInfo, others } = envelope
  const headers = headersText(envelope.headers, 'envelope.headers')
  const properties = propertiesText(envelope.properties, 'envelope.properties')
  const envelopeStart = opened(others === undefined ? '{}' : encodeWireJson(others, { root: 'envelope' }))
  const placeStart = opened(deliveryInfo === undefined ? '{}' : encodeWireJson(deliveryInfo, { root: 'delivery_info' }))
  return (
    `${envelopeStart}"body":"${toBase64(body)}",` +
    `"content-encoding":${json(contentEncoding)},"content-type":${json(contentType)},"headers":${headers},` +
    `"properties":${opened(properties)}"body_encoding":"base64","delivery_tag":${json(deliveryTag)},` +
    `"delivery_info":${placeStart}"exchange":${json(exchange)},"routing_key":${json(routingKey)}}}}`
  )
}

/** Of an object's text, what stands before further fields. */
function opened(object: string): string {
  return object === '{}' ? '{' : `${object.slice(0, -1)},`
}

function json(text: string): string {
  return JSON.stringify(text)
}

function decode(text: string): Record<string, unknown> {
  let envelope: unknown
  try {
    envelope = decodeWireJson(text)
  } catch (cause) {
    if (!(cause instanceof MalformedJsonError)) throw cause
    const problem = text === '' ? 'is empty' : `is not JSON: at position ${cause.position}, ${cause.reason}`
    throw invalidMessage({}, 'envelope', problem, { cause })
  }
  if (isJsonObject(envelope)) return envelope
  throw invalidMessage({}, 'envelope', `is ${kindOf(envelope)}, expected an object`)
}

type Guard<T> = (value: unknown) => value is T
type Read<R> = <T>(field: string, value: unknown, guard: Guard<T>, expected: string) => T | R

function reader(headers: Readonly<Record<string, unknown>>): { required: Read<never>; optional: Read<null> } {
  const required: Read<never> = (field, value, guard, expected) => {
    if (guard(value)) return value
    throw invalidMessage(headers, field, `is ${kindOf(value)}, expected ${expected}`)
  }
  const optional: Read<null> = (field, value, guard, expected) =>
    value === undefined || value === null ? null : required(field, value, guard, expected)
  return { required, optional }
}

function checkProperties(properties: Readonly<Record<string, unknown>>, optional: Read<null>): void {
  for (const name of ['correlation_id', 'reply_to', 'expiration']) {
    optional(`properties.${name}`, properties[name], isString, 'a string')
  }
  for (const name of ['priority', 'delivery_mode']) {
    optional(`properties.${name}`, properties[name], isNumber, 'a number')
  }
}

function decodeBytes(headers: Readonly<Record<string, unknown>>, body: string, encoding: unknown): Uint8Array {
  if (encoding === 'base64') {
    const bytes = decodeBase64(body)
    if (bytes !== null) return bytes
    throw invalidMessage(headers, 'body', 'is not base64, as properties.body_encoding says it is')
  }
  if (encoding === undefined || encoding === null || encoding === 'utf-8') return Buffer.from(body, 'utf8')
  const found = typeof encoding === 'string' ? quoted(encoding) : kindOf(encoding)
  throw invalidMessage(headers, 'properties.body_encoding', `is ${found}, expected "base64" or "utf-8"`)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}
