/** What is written to a store: the work of one transaction, or of a part of one. */
import type { Database } from './database.ts'

export interface Change<T> {
  /**
   * Makes the change, yielding now and then where it is long. It is run again from the start after a rollback, so it
   * may touch nothing but the database.
   */
  steps(database: Database): Generator<void, T>
  /** About how much it writes; a group is not made larger than {@link MAX_GROUP_ROWS} and {@link MAX_GROUP_BYTES}. */
  readonly rows: number
  readonly bytes: number
  /** Whether somebody may have waited for what was written. */
  wakes(value: T): boolean
  /**
   * Whether it must survive a power cut once it has resolved. What only says who is at work need not, since nobody is
   * after a power cut: a claim or a renewal does not wait for the disk.
   */
  readonly durable: boolean
}

/** A change that is one short step. */
export function shortChange<T>(
  step: (database: Database) => T,
  options: { readonly rows?: number; readonly wakes?: (value: T) => boolean; readonly durable?: boolean } = {},
): Change<T> {
  const { rows = 1, wakes = () => false, durable = false } = options
  function* steps(database: Database): Generator<void, T> {
    yield
    return step(database)
  }
  return { rows, bytes: 0, wakes, durable, steps }
}

/** One step for each item; gives what they returned. */
export function* stepPerItem<T, R>(items: Iterable<T>, step: (item: T) => R): Generator<void, R[]> {
  const returned: R[] = []
  for (const item of items) {
    returned.push(step(item))
    yield
  }
  return returned
}

/** Bounds how long a group holds the loop, and the file's lock. */
export const MAX_GROUP_ROWS = 500
export const MAX_GROUP_BYTES = 4 * 1024 * 1024
