/** What a measure is: figures that children give in one round, and how they are shown, spawned beside forked. */

export type Way = 'spawn' | 'fork'

/** How much of it: `quick` shows that all works, `long` is what a release is judged by. */
export type Extent = 'quick' | 'normal' | 'long'

export interface Line {
  /** Its key in {@link Figures}. */
  readonly figure: string
  readonly heading: string
  readonly digits: number
  /** Where one is not so many times the other. */
  readonly isPart?: true
  /** What Carom wants of it, for whoever reads the table. */
  readonly goal?: string
}

export type Figures = Readonly<Record<string, number>>

export interface Measure {
  readonly name: string
  readonly title: string
  /** How it was measured, for whoever reads the table. */
  describe(extent: Extent): string
  readonly lines: readonly Line[]
  /** Compared if there are two. */
  readonly ways: readonly Way[]
  readonly rounds: Readonly<Record<Extent, number>>
  /** Runs in a process of its own, once per way and round. */
  run(way: Way, extent: Extent): Promise<Figures>
}

/** What one way gave in one round. */
export type RoundResult = { readonly figures: Figures } | { readonly error: string }

export const BOTH = ['spawn', 'fork'] as const
