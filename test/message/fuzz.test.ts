/** A hundred thousand spoilt messages through the Redis envelope's decoder, and through everything that reads what it gives. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildEnvelope, parseEnvelope } from '../../src/message/envelope.ts'
import type { UncheckedMessage } from '../../src/message/headers.ts'
import { pick, type Random } from '../pool/random.ts'
import { fuzz } from './fuzz-run.ts'
import { checkReading, checkRefusal, spoilMessage, writtenMessages } from './fuzzed-message.ts'
import { spoilBytes, spoilText, spoilValue } from './mutations.ts'
import { capturedMessages, projectRoot } from './wire-fixtures.ts'

const envelopes = [
  // The big ones are the others with more in them, and most of the time would go there.
  ...capturedMessages().flatMap(({ raw }) => (raw.length < 8_000 ? [raw] : [])),
  ...capturedCanvas(),
  ...writtenMessages().map(wrapped),
]
const messages: UncheckedMessage[] = envelopes.map((text) => parseEnvelope(text))

test('a spoilt envelope is read, or refused by name, and so is what is in it', (t) => {
  fuzz(t, 1, (random) => {
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
  fuzz(t, 2, (random) => checkReading(spoilMessage(pick(messages, random), random)))
})

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
