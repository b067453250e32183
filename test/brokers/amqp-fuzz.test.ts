/** Fifty thousand spoilt messages through everything that reads what RabbitMQ delivers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FieldTableError } from '../../src/brokers/amqp/protocol/field-table.ts'
import { fuzz } from '../message/fuzz-run.ts'
import { spoilMessage } from '../message/fuzzed-message.ts'
import { spoilValue } from '../message/mutations.ts'
import { pick } from '../pool/random.ts'
import { ADDED, checkDelivered, deliveriesOf, framesOf, messages, publicationOf } from './amqp-fuzz-lab.ts'

test('spoilt headers, properties and bodies are read, refused by name, or set aside', (t) => {
  fuzz(t, 11, (random) => {
    const message = spoilMessage(pick(messages, random), random)
    const added = random() < 0.3 ? (spoilValue(ADDED, random) as object) : {}
    const publication = publicationOf({ ...message, headers: { ...message.headers, ...added } }, random)
    let frames: Buffer
    try {
      frames = framesOf(publication, random() < 0.2)
    } catch (error) {
      // Nobody can send it.
      assert.ok(error instanceof FieldTableError || error instanceof RangeError, String(error))
      return false
    }
    const [delivered, ...more] = deliveriesOf([frames])
    assert.ok(delivered !== undefined && more.length === 0)
    return checkDelivered(delivered, random)
  })
})
