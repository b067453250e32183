// A reporter for node:test that gives what scripts/test.mjs adds up: one line of JSON when the file has ended.

export default async function* counts(events) {
  const totals = { passed: 0, failed: 0, skipped: [] }
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details.type === 'suite') continue
    if (data.skip !== undefined) totals.skipped.push(`${data.name}: ${data.skip}`)
    else if (type === 'test:pass') totals.passed += 1
    else totals.failed += 1
  }
  yield JSON.stringify(totals)
}
