/** Pools whose children are started one way or the other. */
import { readFileSync } from 'node:fs'
import { Pool, type PoolOptions } from '../../src/pool/index.ts'
import type { Way } from './measure.ts'

export interface Fixtures {
  readonly bare: typeof import('./fixtures/bare.ts')
  readonly ballast: typeof import('./fixtures/ballast.ts')
  readonly compiler: typeof import('./fixtures/compiler.ts')
  readonly life: typeof import('./fixtures/life.ts')
}

export function open<Name extends keyof Fixtures>(
  way: Way,
  name: Name,
  options: Partial<PoolOptions> = {},
): Pool<Fixtures[Name]> {
  const module = new URL(`./fixtures/${name}.js`, import.meta.url)
  const preload = way === 'fork' ? [module] : []
  return new Pool<Fixtures[Name]>({ module, processes: 1, startMethod: way, preload, ...options })
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  await work()
  return performance.now() - startedAtMs
}

/** Of a forked child: its fork server. */
export function parentOf(pid: number): number {
  return Number(statOf(pid)[1])
}

/** `Z` for one that has ended and was not reaped. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)[0]
}

function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
