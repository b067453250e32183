import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnvelope } from '../../src/message/envelope.ts'
import { showsThatNothingFollows } from '../../src/message/nothing-follows.ts'
import { buildTaskMessage, readTask } from '../../src/message/task-message.ts'
import { capturedMessages, messageOf } from './wire-fixtures.ts'

const call = { task: 'shop.add', id: '1', args: [1], kwargs: {} }

test('a message of ours and those of Python show by their end that nothing follows', () => {
  assert.ok(showsThatNothingFollows(buildTaskMessage(call)))
  let shown = 0
  for (const { raw } of capturedMessages()) {
    const envelope = parseEnvelope(raw)
    if (!showsThatNothingFollows(envelope)) continue
    shown++
    assert.ok(Object.values(readTask(envelope).embed).every((part) => part === null))
  }
  assert.ok(shown >= 10, `${shown} of the captured ones`)
})

test('a message that carries something, or may, does not', () => {
  const empty = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'
  const link = { callbacks: [call], errbacks: null, chain: null, chord: null }
  assert.ok(!showsThatNothingFollows(buildTaskMessage({ ...call, embed: link })))
  const tricky = buildTaskMessage({ ...call, embed: { ...link, chord: { task: 'x', args: [empty] } } })
  assert.ok(!showsThatNothingFollows(tricky))
  for (const body of ['', '[[],{},{}]', '[', empty.slice(1)]) assert.ok(!showsThatNothingFollows(messageOf(body)))
  assert.ok(showsThatNothingFollows(messageOf(`[[],{},${empty}`)))
  assert.ok(!showsThatNothingFollows(messageOf(`[[],{},${empty}`, { compression: 'gzip' })))
  assert.ok(!showsThatNothingFollows(messageOf(`[[],{},${empty}`, {}, { contentType: 'application/x-yaml' })))
})
