import assert from 'node:assert/strict'
import type { Consumer, Delivery } from '../../src/brokers/broker.ts'
import { isCaromError } from '../../src/errors.ts'
import { idsOf } from '../conformance/store.ts'

/** Claims as a worker does, which tries again what is refused, until all of them have come. Others may come too. */
export async function claimAll(consumer: Consumer, ids: readonly string[], withinMs = 30_000): Promise<Delivery[]> {
  const signal = AbortSignal.timeout(withinMs)
  const deliveries: Delivery[] = []
  const missing = () => ids.filter((id) => !idsOf(deliveries).includes(id))
  while (missing().length > 0) {
    assert.ok(!signal.aborted, `${missing().join(', ')} did not come, only ${idsOf(deliveries).join(', ')}`)
    try {
      deliveries.push(...(await consumer.claim(missing().length, { signal })))
    } catch (error) {
      assert.ok(isCaromError(error, 'CAROM_STORE_UNAVAILABLE'), String(error))
    }
  }
  return deliveries
}
