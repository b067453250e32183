import { test } from 'node:test'
import { backendCases } from '../conformance/backend.ts'
import { chordCases } from '../conformance/backend-chords.ts'
import { groupCases } from '../conformance/backend-groups.ts'
import { ABSENT, STORES, storeFor, TRAITS } from '../conformance/open.ts'

for (const store of STORES) {
  for (const { name, applies, run } of [...backendCases, ...chordCases, ...groupCases]) {
    if (applies?.(TRAITS[store]) === false) continue
    test(`${store} result backend: ${name}`, { timeout: 20_000, skip: ABSENT[store] ?? false }, async (t) =>
      run(await storeFor(t, store), TRAITS[store]),
    )
  }
}
