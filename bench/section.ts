/** A part of the report: measured as a whole, printed as one table. */
import type { Table } from './table.ts'

export interface Report {
  readonly title: string
  readonly text: string
  readonly table: Table
  /** What `--json` prints. */
  readonly figures: unknown
}

export interface Section {
  readonly name: string
  /** `progress` is told what is measured at the moment. */
  measure(isQuick: boolean, progress: (text: string) => void): Promise<Report>
}
