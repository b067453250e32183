/** What the demo's proof finds: it is worth no more than what it would not let pass. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Ledger, Run } from '../../demo/ledger.ts'
import { prove } from '../../demo/proof.ts'
import type { Kill } from '../../demo/strikes.ts'
import type { FileFacts } from '../../demo/tasks.ts'

const RAN: Run = { taskId: 'a', attempt: 1, pid: 7, ended: true }
const CUT: Run = { taskId: 'a', attempt: 1, pid: 7, ended: false }
const KILL: Kill = { what: 'a child', pid: 7, inFlight: [CUT] }

interface Course {
  readonly runs?: readonly (readonly [taskId: string, runs: readonly Run[]])[]
  readonly kills?: readonly Kill[]
  readonly settled?: boolean
  readonly sha256?: string
}

/** One file was sent as task `a`; the rest is as told, and as it should be where nothing is. */
function proof(t: TestContext, { runs = [['a', [RAN]]], kills = [], settled = true, sha256 }: Course) {
  const folder = mkdtempSync(join(tmpdir(), 'carom-proof-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'file')
  writeFileSync(path, 'content')
  const digest = sha256 ?? createHash('sha256').update('content').digest('hex')
  const facts = { sha256: digest } as FileFacts
  const ledger = { runs: new Map(runs) } as unknown as Ledger
  return prove(new Map([['a', path]]), new Map(settled ? [['a', facts]] : []), new Map(), ledger, kills)
}

test('A run that is settled, and one that a kill cut short and that ran again, are no problems', (t) => {
  assert.deepEqual(proof(t, {}), { problems: [], reruns: [], sampled: 1 })
  const again = proof(t, { runs: [['a', [CUT, RAN]]], kills: [KILL] })
  assert.deepEqual(again.problems, [])
  assert.deepEqual(again.reruns, [{ taskId: 'a', runs: 2, cause: 'a child (pid 7) was killed while it ran' }])
  const worker: Kill = { what: 'the worker', pid: 5, inFlight: [CUT] }
  const thrice = proof(t, { runs: [['a', [CUT, CUT, RAN]]], kills: [KILL, worker] })
  assert.deepEqual(thrice.problems, [])
  assert.equal(thrice.reruns[0]?.cause, 'a child (pid 7), then the worker (pid 5) was killed while it ran')
})

for (const [what, course, problem] of [
  ['a file without a result', { settled: false }, /has no result/],
  ['a result that no run gave', { runs: [['a', [CUT]]], kills: [KILL] }, /no run of it ended/],
  [
    'a task that nobody sent',
    {
      runs: [
        ['a', [RAN]],
        ['b', [RAN]],
      ],
    },
    /Task b ran and was never sent/,
  ],
  ['a second run without a cause', { runs: [['a', [RAN, RAN]]] }, /ran again without a cause/],
  ['a third run with the cause of a second', { runs: [['a', [CUT, CUT, RAN]]], kills: [KILL] }, /without a cause/],
  ['more runs than kills explain', { runs: [['a', [CUT, CUT, RAN]]], kills: [KILL] }, /2 re-runs, but only 1 runs? w/],
  ['a wrong digest', { sha256: 'f'.repeat(64) }, /sha256sum says/],
] as const satisfies readonly (readonly [string, Course, RegExp])[]) {
  test(`The proof fails for ${what}`, (t) => {
    const { problems } = proof(t, course)
    assert.match(problems.join('\n'), problem)
  })
}
