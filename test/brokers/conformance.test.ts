import { test } from 'node:test'
import { brokerCases } from '../conformance/broker.ts'
import { STORES, storeFor } from '../conformance/open.ts'

for (const store of STORES) {
  for (const { name, run } of brokerCases) {
    test(`${store} broker: ${name}`, { timeout: 20_000 }, async (t) => run(await storeFor(t, store)))
  }
}
