/**
 * What is asked of every message, however spoilt, once a broker's decoder has split it into headers, properties and body.
 * A broker has its own decoder fuzzed by giving what that makes of spoilt parts to `checkReading`.
 */
import assert from 'node:assert/strict'
import { isCaromError } from '../../src/errors.ts'
import { type ReadOptions, refusalOf } from '../../src/message/body.ts'
import type { UncheckedMessage } from '../../src/message/headers.ts'
import { SERIALIZERS } from '../../src/message/serializers.ts'
import { Security } from '../../src/message/signing.ts'
import { buildTaskMessage, readTask } from '../../src/message/task-message.ts'
import { PLAIN_JSON, type Writing } from '../../src/message/write-body.ts'
import type { Random } from '../pool/random.ts'
import { makeIdentity } from './certificate-maker.ts'
import { spoilBytes, spoilValue } from './mutations.ts'

const identity = makeIdentity()
export const SECURITY = new Security({
  ...identity,
  keyPassword: null,
  certificates: [identity.certificate],
  digest: 'sha256',
  serializer: 'msgpack',
  packing: 'celery-5.5',
})

/** Everything that can be listed: what is not read by default is read here too. */
export const READS_ALL: ReadOptions = {
  accept: new Set([...Object.values(SERIALIZERS).map(({ contentType }) => contentType), 'text/plain']),
  security: SECURITY,
  maxBytes: 1_000_000,
}

/** One message of each serialiser and each compression, with something of every kind in it. */
export function writtenMessages(): UncheckedMessage[] {
  const args = [1, -1.5, 'é', null, new Date(0), Uint8Array.of(1, 2), [{ a: [] }], 2n ** 60n]
  const call = { task: 'shop.add', id: 'id-1', args, kwargs: { b: { c: true } }, headers: { mine: [1] }, etaMs: 0 }
  const writings: Writing[] = (['json', 'msgpack', 'yaml', 'auth'] as const).flatMap((serializer) =>
    ([null, 'gzip', 'brotli'] as const).map((compression) => ({
      ...PLAIN_JSON,
      serializer,
      compression,
      security: SECURITY,
    })),
  )
  return writings.map((writing) => buildTaskMessage(call, Date.now(), writing))
}

/** A message of which one or two parts are spoilt. */
export function spoilMessage(message: UncheckedMessage, random: Random): UncheckedMessage {
  const dice = random()
  const headers = dice < 0.4 ? asRecord(spoilValue(message.headers, random)) : message.headers
  const body = dice > 0.3 ? spoilBytes(message.body, random) : message.body
  if (random() > 0.1) return { ...message, headers, body }
  const types = Object.values(SERIALIZERS)
  const type = types[Math.floor(random() * types.length)] as (typeof types)[number]
  return { ...message, headers, body, ...type }
}

/**
 * Reads the message in full, as a child does, after asking what the worker asks: it is read, or it is refused with
 * `CAROM_MESSAGE_INVALID` in a text that a log can bear; nothing else, not for long, and no object has got a foreign
 * prototype. Gives whether it was read.
 */
export function checkReading(message: UncheckedMessage): boolean {
  const startedAtMs = performance.now()
  const refusal = refusalOf(message, READS_ALL.accept)
  let read: unknown
  try {
    read = readTask(message, READS_ALL)
  } catch (error) {
    checkRefusal(error)
    return false
  } finally {
    const tookMs = performance.now() - startedAtMs
    assert.ok(tookMs < MOST_MS, `reading it took ${tookMs} ms`)
  }
  assert.equal(refusal, null, 'it was read although the worker would have refused it')
  checkPrototypes(read, 0)
  return true
}

export function checkRefusal(error: unknown): void {
  assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'), String((error as Error)?.stack ?? error))
  assert.ok(error.message.length < 1_000, error.message)
  assert.equal(typeof error.field, 'string')
}

/** Whether anything that was read has got into the prototype of every object. */
export function checkPollution(): void {
  assert.deepEqual(Object.keys(Object.prototype), [])
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
}

function checkPrototypes(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > 600) return
  if (value instanceof Date || value instanceof Uint8Array) return
  const prototype = Object.getPrototypeOf(value)
  assert.ok(prototype === Object.prototype || prototype === Array.prototype, 'an object of a class was read')
  for (const key of Object.keys(value)) checkPrototypes((value as Record<string, unknown>)[key], depth + 1)
}

/** A broker gives headers as an object, whatever is in it. */
function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** Generous: a busy machine is no fault of the decoder. */
const MOST_MS = 3_000
