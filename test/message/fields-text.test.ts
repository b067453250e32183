import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { headersText, propertiesText } from '../../src/message/fields-text.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { encodeWireJson, UnencodableError } from '../../src/message/wire-json.ts'

const value = fc.oneof(
  { arbitrary: fc.constantFrom(null, true, undefined, '', 'x', 'é"\\', 0, -0, 1, 2 ** 53, Number.NaN, 10n), weight: 4 },
  { arbitrary: fc.constantFrom([1], { a: 1 }, new Date(0), new Uint8Array([1])), weight: 1 },
)
// Few names and few values, so that one is often like the one before.
const fields = fc
  .uniqueArray(fc.tuple(fc.constantFrom('id', 'root_id', 'correlation_id', 'task', 'retries', '__proto__'), value), {
    selector: ([name]) => name,
    maxLength: 4,
  })
  .map((entries) => Object.fromEntries(entries))

test('headers and properties are written as any other object, whatever was written before them', () => {
  fc.assert(
    fc.property(fc.array(fields, { minLength: 2, maxLength: 12 }), (sequence) => {
      for (const one of sequence) {
        assert.equal(headersText(one, 'headers'), encodeWireJson(one))
        assert.equal(propertiesText(one, 'properties'), encodeWireJson(one))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('the headers of calls that differ in more than their ids are written anew', () => {
  const calls = [
    { task: 'shop.add', id: 'a' },
    { task: 'shop.add', id: 'b"\\' },
    { task: 'shop.add', id: 'c', rootId: 'a', parentId: 'b' },
    { task: 'shop.add', id: 'd', retries: 1 },
    { task: 'shop.add', id: 'd', headers: { id2: 'x' } },
    { task: 'shop.add', id: 'd', headers: { id2: 'y' } },
    { task: 'shop.sub', id: 'd', timeLimits: [1, null] as const },
    { task: 'shop.sub', id: 'd', timeLimits: [2, null] as const, stamps: { tenant: [1] } },
    { task: 'shop.sub', id: 'd', timeLimits: [2, null] as const, stamps: { tenant: [2] } },
  ]
  for (const call of calls) {
    const { headers, properties } = buildTaskMessage({ args: [], kwargs: {}, ...call })
    assert.deepEqual(JSON.parse(headersText(headers, 'headers')), JSON.parse(JSON.stringify(headers)))
    assert.deepEqual(JSON.parse(propertiesText(properties, 'properties')), properties)
  }
})

test('what says that a call has no time limits is one thing, by which its headers are known again', () => {
  const messages = [undefined, [null, null] as const, [null, null] as const].map((timeLimits) =>
    buildTaskMessage({ task: 'shop.add', id: 'a', args: [], kwargs: {}, timeLimits }),
  )
  assert.deepEqual(new Set(messages.map(({ headers }) => headers.timelimit)).size, 1)
})

test('what was changed after it was written is written as it is then', () => {
  const headers = { id: 'a', root_id: 'a', task: 'shop.add', limits: [1, 2] }
  assert.equal(headersText(headers, 'headers'), JSON.stringify(headers))
  headers.task = 'shop.sub'
  headers.limits[0] = 3
  assert.equal(headersText(headers, 'headers'), JSON.stringify(headers))
  let changed = 1
  const own = { toJSON: () => ({ changed }) }
  assert.equal(headersText(own, 'headers'), '{"changed":1}')
  changed = 2
  assert.equal(headersText(own, 'headers'), '{"changed":2}')
})

test('headers that JSON cannot carry are refused after others that it could', () => {
  assert.equal(headersText({ id: 'a', task: 'x' }, 'headers'), '{"id":"a","task":"x"}')
  assert.throws(
    () => headersText({ id: 'a', task: () => {} }, 'headers'),
    (error) => error instanceof UnencodableError && error.path === 'headers.task',
  )
  assert.equal(headersText({ id: 'b', task: 'x' }, 'headers'), '{"id":"b","task":"x"}')
})
