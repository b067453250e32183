import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachineOptions } from '../../src/pool/parent/state.ts'
import { type Bounds, explore } from './machine-explorer.ts'

// `npm run test:explore`: three jobs in each case, and more of the rest: minutes instead of seconds.
const isFull = process.env.CAROM_EXPLORE === 'full'
const LONG = Number.POSITIVE_INFINITY
const OPTIONS: MachineOptions = {
  size: 2,
  spares: 0,
  credits: 1,
  maxTasksPerChild: LONG,
  redeliverNeighbours: false,
  maxStartFailures: 3,
  restartsPerChild: 1_000,
  interrupts: false,
}

interface Case {
  readonly options?: Partial<MachineOptions>
  /** What its jobs are known to take. */
  readonly costMs?: number
  readonly bounds: Bounds
  readonly fully: Bounds
}

const CASES: Readonly<Record<string, Case>> = {
  'with one credit each': {
    bounds: { jobs: 3, deaths: 1, orders: 0 },
    fully: { jobs: 3, deaths: 2, orders: 0 },
  },
  'with one credit each and short jobs': {
    costMs: 9,
    bounds: { jobs: 2, deaths: 0, orders: 0 },
    fully: { jobs: 3, deaths: 1, orders: 0 },
  },
  'with two credits each': {
    options: { credits: 2 },
    bounds: { jobs: 2, deaths: 0, orders: 0 },
    fully: { jobs: 3, deaths: 1, orders: 0 },
  },
  'with two credits each, whose neighbours run again': {
    options: { credits: 2, redeliverNeighbours: true },
    bounds: { jobs: 2, deaths: 0, orders: 0 },
    fully: { jobs: 3, deaths: 1, orders: 0 },
  },
  'that have two jobs in their life': {
    options: { maxTasksPerChild: 2 },
    bounds: { jobs: 2, deaths: 0, orders: 0 },
    fully: { jobs: 3, deaths: 1, orders: 0 },
  },
  'that are replaced and resized': {
    bounds: { jobs: 1, deaths: 0, orders: 1 },
    fully: { jobs: 3, deaths: 1, orders: 1 },
  },
  'that are interrupted': {
    options: { interrupts: true },
    bounds: { jobs: 1, deaths: 0, orders: 0 },
    fully: { jobs: 3, deaths: 0, orders: 0 },
  },
  'in a storm, with a spare': {
    options: { size: 1, spares: 1, restartsPerChild: 1 },
    bounds: { jobs: 1, deaths: 1, orders: 0 },
    fully: { jobs: 3, deaths: 2, orders: 0 },
  },
}

for (const [title, { options, costMs = LONG, bounds, fully }] of Object.entries(CASES)) {
  const within = isFull ? fully : bounds
  const { jobs, deaths, orders } = within
  const limits = `jobs: ${jobs}, unordered deaths: ${deaths}, orders to replace or resize: ${orders}`
  test(`Two children ${title} keep the rules in every order of events (${limits})`, (t) => {
    const { states, ends, events } = explore({ ...OPTIONS, ...options }, costMs, within)
    t.diagnostic(`${states} states, ${ends} of them ends, ${events} events`)
    assert.ok(states > 300 && ends > 0, `only ${states} states and ${ends} ends were reached`)
  })
}
