// A reporter for node:test that keeps what scripts/test.mjs needs, one line of JSON at a time: which tests have begun
// and ended, should the file be killed, and in the end the totals.

export default async function* journal(events) {
  const totals = { passed: 0, failed: 0, skipped: [] }
  for await (const { type, data } of events) {
    if (type === 'test:dequeue') yield line({ began: data.name })
    if (type === 'test:complete') yield line({ ended: data.name })
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details.type === 'suite') continue
    if (data.skip !== undefined) totals.skipped.push(`${data.name}: ${data.skip}`)
    else if (type === 'test:pass') totals.passed += 1
    else totals.failed += 1
  }
  yield line({ totals })
}

/** Gives `{ totals, pending }` of a journal: no totals if the file did not come to its end, and then what it was at. */
export function readJournal(text) {
  const entries = text
    .split('\n')
    .slice(0, -1)
    .map((entry) => JSON.parse(entry))
  const pending = []
  for (const { began, ended } of entries) {
    if (began !== undefined) pending.push(began)
    if (ended !== undefined) pending.splice(pending.indexOf(ended), 1)
  }
  return { totals: entries.at(-1)?.totals ?? null, pending }
}

function line(entry) {
  return `${JSON.stringify(entry)}\n`
}
