import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate, type Tally } from './machine-simulator.ts'

// CAROM_SEEDS=100000 runs more of them, CAROM_SEEDS=4711-4711 runs that one again.
const { first, last } = seedRange(process.env.CAROM_SEEDS ?? '10000')
const STEPS = 500

test(`The pool's machine keeps its rules in ${last - first + 1} random runs of ${STEPS} events`, (t) => {
  const tally: Tally = new Map()
  for (let seed = first; seed <= last; seed++) simulate(seed, STEPS, tally)
  t.diagnostic([...tally].map(([what, times]) => `${what} ${times}`).join(', '))
  if (last - first < 1_000) return
  const outcomes = ['succeeded', 'lost', 'terminated', 'cancelled', 'unstarted', 'timedOut', 'overMemory']
  const events = ['ready', 'accepted', 'finished', 'recalled', 'gone', 'overdue', 'overrun', 'replace', 'resize']
  for (const what of [...outcomes.map((type) => `job ${type}`), ...events, 'respawnDue', 'close', 'illegal frame']) {
    assert.ok((tally.get(what) ?? 0) > 100, `"${what}" hardly ever happened: the runs prove little about it`)
  }
})

function seedRange(text: string): { readonly first: number; readonly last: number } {
  const [from, to] = text.split('-').map(Number) as [number, number | undefined]
  return to === undefined ? { first: 1, last: from } : { first: from, last: to }
}
