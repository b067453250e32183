/** Pools of real children for tests: closed when the test is over, however it went. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type CaromError, type CaromErrorCode, isCaromError } from '../../src/errors.ts'
import { findAddon } from '../../src/native/addon.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import type { DeathCertificate } from '../../src/pool/parent/certificate.ts'
import { Pool } from '../../src/pool/pool.ts'
import { until } from '../support/wait.ts'
import { START_METHOD } from './start-method.ts'

type AnyModule = Record<string, (...args: unknown[]) => unknown>

/** The URL of a compiled module in `fixtures/`. */
export function fixture(name: string): URL {
  return new URL(`./fixtures/${name}.js`, import.meta.url)
}

/** Children that load no addon have no tickets: what they have begun the pool knows by their word alone. */
export const WITHOUT_TICKETS = { startMethod: 'spawn', execArgv: ['--no-addons'] } as const
const { addon } = findAddon()
/** For tests of what only tickets make possible. */
export const NO_TICKETS = addon === null ? 'there is no addon, and so there are no tickets' : false

/** A pool of one child that runs `fixtures/NAME`, unless the options say otherwise. */
export function openPool<M = AnyModule>(t: TestContext, name: string, options: Partial<PoolOptions> = {}): Pool<M> {
  const { executor = 'prefork' } = options
  const started = executor === 'prefork' ? { startMethod: START_METHOD } : {}
  const pool = new Pool<M>({ module: fixture(name), processes: 1, ...started, ...options })
  t.after(() => pool.terminate())
  return pool
}

/** What the promise rejects with; fails if it resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { readonly [fact: string]: unknown }> {
  const value = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  assert.ok('error' in value, `resolved with ${String((value as { value: unknown }).value)}`)
  assert.ok(value.error instanceof Error)
  return value.error as Error & { readonly [fact: string]: unknown }
}

export async function caromFailureOf(promise: Promise<unknown>, code: CaromErrorCode): Promise<CaromError> {
  const error = await failureOf(promise)
  assert.ok(isCaromError(error, code), `${String(error.code)} instead of ${code}: ${error.message}`)
  return error
}

/** The certificate of the child that took a job with it. */
export async function deathOf(promise: Promise<unknown>): Promise<DeathCertificate> {
  const error = await caromFailureOf(promise, 'CAROM_CHILD_LOST')
  return error.certificate as DeathCertificate
}

/** The pids of the pool's `count` children, as soon as there are any: one that is forked has none at first. */
export function startedPids<M>(pool: Pool<M>, count: number): Promise<readonly number[]> {
  const pids = () => pool.stats().processes
  return until(() => (pids().length === count ? pids() : null), { what: `${count} children have a pid` })
}

/** Waits until `count` children are ready, and gives their pids. */
export function readyPids<M>(pool: Pool<M>, count: number): Promise<number[]> {
  return until(
    () => {
      const pids = pool.stats().children.flatMap(({ state, pid }) => (state === 'ready' && pid !== null ? [pid] : []))
      return pids.length === count ? pids : null
    },
    // A node takes seconds to start where many do at once.
    { what: `${count} children are ready`, withinMs: 20_000 },
  )
}
