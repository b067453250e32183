import { printable } from './printable.ts'

export type Cell = string | number | null

/** Columns under their headings, numbers to the right. Every cell is one line, whatever is in it. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [headings, ...rows.map((row) => row.map((cell) => shown(cell)))]
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const right = headings.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof (row[column] ?? 0) === 'number'),
  )
  return lines
    .map((line) =>
      line
        .map((text, column) => pad(text, widths[column] ?? 0, right[column] === true))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function shown(cell: Cell): string {
  return cell === null ? '-' : printable(String(cell))
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width)
}
