/** What a measure is: rows that are compared, figures that each gives, and how they are shown. */
import type { LibraryName } from './libraries/index.ts'
import type { OpenOptions } from './libraries/library.ts'

/** One pool with its settings. */
export interface Row {
  readonly name: string
  readonly library: LibraryName
  readonly options: Partial<OpenOptions>
  /** Rows of one group are compared with Carom's row in it. */
  readonly group: string
  readonly settings: string
}

export interface Column {
  /** Its key in {@link Figures}. */
  readonly figure: string
  readonly heading: string
  /** `null`: a figure to be read, not compared. */
  readonly better: 'more' | 'less' | null
  readonly digits?: number
}

/** `null`: there is none, and the row's settings say why. */
export type Figures = Readonly<Record<string, number | null>>

export interface Measure {
  readonly name: string
  readonly title: string
  /** How it was measured, for whoever reads the table. */
  describe(isQuick: boolean): string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** Rounds of a full run. */
  readonly rounds: number
  /** Runs in a process of its own, once per row and round. Not called for `billiard`, which has its own program. */
  run(row: Row, isQuick: boolean): Promise<Figures>
  /** What Billiard's program is told beside the measure's name. */
  readonly forBilliard?: (isQuick: boolean) => Readonly<Record<string, number>>
}

/** What one row gave in one round. */
export type RoundResult = { readonly figures: Figures } | { readonly error: string }
