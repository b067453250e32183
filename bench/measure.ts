/** What a measure is: rows that are compared, figures that each gives, and how they are shown. */

/** One of those that are compared, with its settings. */
export interface Contender {
  readonly name: string
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

export interface Measure<Row extends Contender> {
  readonly name: string
  readonly title: string
  /** How it was measured, for whoever reads the table. */
  describe(isQuick: boolean): string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** Rounds of a full run. */
  readonly rounds: number
  /** Runs in a process of its own, once per row and round. */
  run(row: Row, isQuick: boolean): Promise<Figures>
}

/** What one row gave in one round. */
export type RoundResult = { readonly figures: Figures } | { readonly error: string }

/** What all measures of one benchmark have in common. */
export interface Field<Row extends Contender> {
  /** What a row is, in a word. */
  readonly kind: string
  /** Runs one measure of one row: its arguments are their names and perhaps `--quick`, its last line a {@link RoundResult}. */
  readonly program: URL
  /** The name of a row as it is printed, with its version. */
  nameOf(row: Row): string
  /** Whether the others of its group are compared with it. */
  isReference(row: Row): boolean
}
