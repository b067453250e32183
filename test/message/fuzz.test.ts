/**
 * A hundred thousand spoilt messages through the Redis envelope's decoder, and through everything that reads what it gives.
 *
 * CAROM_FUZZ_SEED=4711 repeats a run, CAROM_FUZZ_CASE=1234 with it that one case alone; CAROM_FUZZ_CASES=1000000 runs more.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildEnvelope, parseEnvelope } from '../../src/message/envelope.ts'
import type { UncheckedMessage } from '../../src/message/headers.ts'
import { pick, type Random, randomFrom } from '../pool/random.ts'
import { checkPollution, checkReading, checkRefusal, spoilMessage, writtenMessages } from './fuzzed-message.ts'
import { spoilBytes, spoilText, spoilValue } from './mutations.ts'
import { capturedMessages, projectRoot } from './wire-fixtures.ts'

const SEED = Number(process.env.CAROM_FUZZ_SEED ?? Date.now() % 1_000_000_000)
const CASES = Number(process.env.CAROM_FUZZ_CASES ?? 50_000)
const ONLY = process.env.CAROM_FUZZ_CASE === undefined ? null : Number(process.env.CAROM_FUZZ_CASE)
/** Of what is read and thrown away; V8 lets garbage lie about, so this is far above what is held at once. */
const MOST_GROWTH_BYTES = 1024 ** 3

const envelopes = [
  // The big ones are the others with more in them, and most of the time would go there.
  ...capturedMessages().flatMap(({ raw }) => (raw.length < 8_000 ? [raw] : [])),
  ...capturedCanvas(),
  ...writtenMessages().map(wrapped),
]
if (ONLY === null) Error.stackTraceLimit = 0 // Half the time; a case that is brought back has its stack.
const messages: UncheckedMessage[] = envelopes.map((text) => parseEnvelope(text))

test('a spoilt envelope is read, or refused by name, and so is what is in it', (t) => {
  t.diagnostic(`CAROM_FUZZ_SEED=${SEED}`)
  run(1, (random) => {
    const text = spoilEnvelope(pick(envelopes, random), random)
    let envelope: UncheckedMessage
    try {
      envelope = parseEnvelope(text)
    } catch (error) {
      checkRefusal(error)
      return false
    }
    return checkReading(envelope)
  })
})

test('spoilt headers and bodies in every serialiser and compression are read, or refused by name', (t) => {
  t.diagnostic(`CAROM_FUZZ_SEED=${SEED}`)
  run(2, (random) => checkReading(spoilMessage(pick(messages, random), random)))
})

/** Runs the cases, each from a seed of its own. Some have to be read and some refused, or it would show nothing. */
function run(stream: number, check: (random: Random) => boolean): void {
  const before = process.memoryUsage().rss
  let read = 0
  for (let index = ONLY ?? 0; index < (ONLY === null ? CASES : ONLY + 1); index++) {
    try {
      if (check(randomFrom(SEED * 7 + index * 2_654_435 + stream))) read++
      if (index % 1_000 === 0) checkPollution()
    } catch (cause) {
      throw new Error(`CAROM_FUZZ_SEED=${SEED} CAROM_FUZZ_CASE=${index} brings it back`, { cause })
    }
  }
  checkPollution()
  const grown = process.memoryUsage().rss - before
  assert.ok(grown < MOST_GROWTH_BYTES, `the process has grown by ${grown} bytes (seed ${SEED})`)
  if (ONLY === null) assert.ok(read > CASES / 100 && read < CASES * 0.9, `${read} of ${CASES} were read (seed ${SEED})`)
}

function spoilEnvelope(text: string, random: Random): string {
  const dice = random()
  if (dice < 0.4) return spoilText(text, random)
  const envelope = JSON.parse(text) as { body: string }
  if (dice < 0.7) return JSON.stringify(spoilValue(envelope, random))
  const body = Buffer.from(spoilBytes(Buffer.from(envelope.body, 'base64'), random)).toString('base64')
  const spoilt = { ...envelope, body }
  return JSON.stringify(dice < 0.8 ? spoilValue(spoilt, random) : spoilt)
}

function wrapped(message: UncheckedMessage): string {
  return buildEnvelope({ ...message, deliveryTag: 'tag', exchange: '', routingKey: 'shop' })
}

/** Chains, groups and chords as Python sends them. */
function capturedCanvas(): string[] {
  const folder = join(projectRoot(), 'test/fixtures/wire-canvas')
  return readdirSync(folder).flatMap((file) => {
    const { messages: found } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { messages: { raw: string }[] }
    return found.map(({ raw }) => raw)
  })
}
