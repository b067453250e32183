import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UnencodableError } from '../../src/message/wire-json.ts'
import { packOrder, type RunOrder, unpackOrder } from '../../src/worker/orders.ts'

function orderWith(headers: Record<string, unknown>): RunOrder {
  const body = Buffer.from('[[], {}, {}]')
  return { headers, contentType: 'application/json', contentEncoding: 'utf-8', body, queue: 'q', attempt: 2 }
}

test('an order arrives with headers of every kind that a broker hands out', () => {
  const order = orderWith({
    task: 'lab.echo',
    id: 'a',
    big: 2n ** 70n,
    when: new Date(1_700_000_000_000),
    bytes: new Uint8Array([0, 255]),
    numbers: [0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300],
    text: '\u0000é\u{1f600}',
    nothing: null,
    nested: { stamps: [{ a: [] }] },
    foreign: { __type__: 'theirs', __value__: 1 },
    ['__proto__']: { polluted: true },
  })
  const arrived = unpackOrder(packOrder(order))
  assert.deepEqual(arrived, order)
  assert.ok(Object.hasOwn(arrived.headers, '__proto__'))
})

test('headers that are no JSON data are refused by name before a child has them', () => {
  const refused = { name: 'UnencodableError', path: 'headers.at' } satisfies Partial<UnencodableError>
  assert.throws(() => packOrder(orderWith({ at: { __type__: 'uuid', __value__: 5 } })), refused)
})
