// The room table of ARCHITECTURE.md, the one place that says which folder of src/ may import which.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Reads the lines between `<!-- name -->` and `<!-- /name -->`, or gives the violation that they are not there. */
export function readMarked(root, name) {
  const file = 'ARCHITECTURE.md'
  const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : ''
  const lines = text.split('\n').map((line) => line.trim())
  const start = lines.indexOf(`<!-- ${name} -->`)
  const end = lines.indexOf(`<!-- /${name} -->`)
  if (start !== -1 && end > start) return { lines: lines.slice(start + 1, end), firstLine: start + 2, violations: [] }
  const problem = `the part "${name}" is missing`
  const fix = `write it between the lines <!-- ${name} --> and <!-- /${name} -->`
  return { lines: [], firstLine: 1, violations: [{ file, line: 1, problem, fix }] }
}

/**
 * The rows by room: `{ room, line, rooms, packages }`. A room is a folder or a file of src/; the row `*` adds to every
 * room. The entry `*` under "may import" is any room.
 */
export function readRooms(root) {
  const { lines, firstLine, violations } = readMarked(root, 'rooms')
  const rows = lines
    .map((text, index) => ({ cells: cellsOf(text), line: firstLine + index }))
    .filter(({ cells }) => cells.length > 0 && cells[0] !== 'room' && !/^:?-+:?$/.test(cells[0]))
    .map(({ cells, line }) => ({ room: cells[0], line, rooms: listOf(cells[1]), packages: listOf(cells[2]) }))
  const shared = rows.find(({ room }) => room === '*') ?? { rooms: [], packages: [] }
  const rooms = rows
    .filter(({ room }) => room !== '*')
    .map((row) => ({ ...row, rooms: [...row.rooms, ...shared.rooms], packages: [...row.packages, ...shared.packages] }))
  return { rooms, violations: [...violations, ...unknownEntries(rooms)] }
}

/** The room of a path below src/: the longest that contains it. */
export function roomOf(rooms, path) {
  return rooms
    .filter(({ room }) => path === room || path.startsWith(`${room}/`))
    .reduce((best, row) => (best === undefined || row.room.length > best.room.length ? row : best), undefined)
}

function unknownEntries(rooms) {
  const known = new Set(rooms.map(({ room }) => room))
  return rooms.flatMap(({ line, rooms: entries }) =>
    entries
      .filter((entry) => entry !== '*' && !known.has(entry) && !entry.endsWith('.ts'))
      .map((entry) => ({
        file: 'ARCHITECTURE.md',
        line,
        problem: `"${entry}" may be imported, but is no room of the table`,
        fix: 'add its row or correct the name',
      })),
  )
}

function cellsOf(line) {
  if (!line.trim().startsWith('|')) return []
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.replaceAll('`', '').trim())
}

function listOf(cell = '') {
  return cell
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && !/^[-–—]$/.test(entry))
}
