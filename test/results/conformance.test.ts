import { test } from 'node:test'
import { backendCases } from '../conformance/backend.ts'
import { STORES, storeFor } from '../conformance/open.ts'

for (const store of STORES) {
  for (const { name, run } of backendCases) {
    test(`${store} result backend: ${name}`, { timeout: 20_000 }, async (t) => run(await storeFor(t, store)))
  }
}
