/** Prints rows of cells as a Markdown table. */

export interface Table {
  readonly headings: readonly string[]
  /** Columns of figures stand to the right. */
  readonly numeric: readonly boolean[]
  readonly rows: readonly (readonly string[])[]
}

export function tableText({ headings, numeric, rows }: Table): string {
  return [headings, headings.map((_, column) => (numeric[column] ? '---:' : '---')), ...rows]
    .map((cells) => `| ${cells.map(escaped).join(' | ')} |`)
    .join('\n')
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
}
