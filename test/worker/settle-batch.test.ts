import assert from 'node:assert/strict'
import test from 'node:test'
import type { Consumer, Settlement } from '../../src/brokers/broker.ts'
import { SettleBatch } from '../../src/worker/settle-batch.ts'

const settlement = (token: string): Settlement => ({ token, result: null, next: [], end: { type: 'ack' } })

test('a batch whose owner throws refuses what was in it, and goes on with the next', { timeout: 5_000 }, async () => {
  const calls: string[][] = []
  const settle: Consumer['settle'] = async (settlements) => {
    calls.push(settlements.map(({ token }) => token))
    return settlements.map(() => 'settled')
  }
  let throws = 1
  const batch = new SettleBatch({ settle } as Consumer, () => {
    if (throws-- > 0) throw new RangeError('no room')
  })
  const refused = [batch.settle(settlement('a')), batch.settle(settlement('b'))]
  for (const each of refused) await assert.rejects(each, /no room/)
  assert.equal(await batch.settle(settlement('c')), 'settled')
  assert.deepEqual(calls, [['c']])
})
