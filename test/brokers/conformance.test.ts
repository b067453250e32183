import { test } from 'node:test'
import { brokerCases } from '../conformance/broker.ts'
import { STORES, storeFor, TRAITS } from '../conformance/open.ts'

for (const store of STORES) {
  for (const { name, applies, run } of brokerCases) {
    if (applies?.(TRAITS[store]) === false) continue
    test(`${store} broker: ${name}`, { timeout: 20_000 }, async (t) => run(await storeFor(t, store), TRAITS[store]))
  }
}
