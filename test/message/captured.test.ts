import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEnvelope, parseEnvelope } from '../../src/message/envelope.ts'
import { readTask } from '../../src/message/task-message.ts'
import { capturedMessages } from './wire-fixtures.ts'

test('there are captured messages of both versions of Celery', () => {
  const names = capturedMessages().map(({ name }) => name)
  assert.equal(names.filter((name) => name.startsWith('redis-52-')).length, 9)
  assert.equal(names.filter((name) => name.startsWith('redis-56-')).length, 8)
})

for (const { name, raw, decodedBody } of capturedMessages()) {
  test(`${name}: the envelope is rebuilt as it was`, () => {
    const envelope = parseEnvelope(raw)
    const { deliveryTag, exchange, routingKey } = envelope
    assert.ok(deliveryTag !== null && exchange !== null && routingKey !== null)
    const rebuilt = buildEnvelope({ ...envelope, deliveryTag, exchange, routingKey })
    assert.deepEqual(JSON.parse(rebuilt), JSON.parse(raw))
  })

  test(`${name}: the body says what Python reads in it`, () => {
    const envelope = parseEnvelope(raw)
    const { headers, args, kwargs, embed } = readTask(envelope)
    if (Array.isArray(decodedBody)) {
      assert.deepEqual([args, kwargs, embed], decodedBody)
      assert.equal(headers, envelope.headers)
      return
    }
    const body = decodedBody as Record<string, unknown>
    assert.deepEqual([args, kwargs, headers.task, headers.id], [body.args, body.kwargs, body.task, body.id])
  })
}
