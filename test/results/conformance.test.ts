import { test } from 'node:test'
import { backendCases } from '../conformance/backend.ts'
import { STORES, storeFor, TRAITS } from '../conformance/open.ts'

for (const store of STORES) {
  for (const { name, applies, run } of backendCases) {
    if (applies?.(TRAITS[store]) === false) continue
    test(`${store} result backend: ${name}`, { timeout: 20_000 }, async (t) =>
      run(await storeFor(t, store), TRAITS[store]),
    )
  }
}
