/** What the measures need of a pool, whoever made it. */
import { fileURLToPath } from 'node:url'

export interface OpenOptions {
  readonly processes: number
  /** Calls that a child holds at once. */
  readonly concurrency: number
  /** Children kept ready beyond `processes`, where a pool can. */
  readonly spares: number
  /** How values are written, where a pool leaves the choice: JSON is faster for small ones and cannot hold bytes. */
  readonly serialization: 'json' | 'advanced'
}

export const DEFAULTS: OpenOptions = { processes: 2, concurrency: 1, spares: 0, serialization: 'json' }

export interface OpenPool {
  /** Calls a function of `fixtures/functions.ts`. A time limit is kept by the pool's own means, if it has such. */
  call(name: string, value: unknown, timeLimitMs?: number): Promise<unknown>
  /** The function's result for each item; absent where a pool has no such thing. */
  map?(name: string, items: readonly unknown[]): Promise<readonly unknown[]>
  close(): Promise<unknown>
}

export interface Library {
  /** The npm package; `null` if it is none. */
  readonly packageName: string | null
  /** Resolves when calls can be made. */
  open(options: OpenOptions): Promise<OpenPool>
}

export function fixture(file: string): string {
  return fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url))
}
