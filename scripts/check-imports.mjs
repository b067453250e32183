// A file imports only rooms and npm packages that its row of the room table in ARCHITECTURE.md names.
import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { readRooms, roomOf } from './rooms.mjs'
import { filesUnder, importsOf, readSource } from './source.mjs'

export function check(root) {
  const { rooms, violations } = readRooms(root)
  if (rooms.length === 0) return violations
  return [...violations, ...filesUnder(root, 'src').flatMap((file) => checkFile(root, rooms, file))]
}

function checkFile(root, rooms, file) {
  const own = roomOf(rooms, file.slice('src/'.length))
  if (own === undefined) return [{ file, line: 1, problem: 'belongs to no room', fix: 'add a row to ARCHITECTURE.md' }]
  return importsOf(readSource(root, file)).flatMap(({ specifier, line }) => {
    const found = specifier.startsWith('.')
      ? checkRelative(root, rooms, own, file, specifier)
      : checkPackage(own, specifier)
    return found === null ? [] : [{ file, line, ...found }]
  })
}

function checkPackage(own, specifier) {
  if (specifier.startsWith('node:')) return null
  if (builtinModules.includes(specifier))
    return { problem: `"${specifier}" is Node's`, fix: `write "node:${specifier}"` }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (own.packages.includes(name)) return null
  return {
    problem: `the room "${own.room}" may not import the package "${name}"`,
    fix: `do without it, or add it to the row of "${own.room}" in ARCHITECTURE.md`,
  }
}

function checkRelative(root, rooms, own, file, specifier) {
  const path = posix.join(dirname(file), specifier)
  if (!path.startsWith('src/')) return { problem: `"${specifier}" leads out of src/`, fix: 'import from src/ only' }
  if (!path.endsWith('.ts')) return { problem: `"${specifier}" does not end in .ts`, fix: 'name the source file' }
  const target = path.slice('src/'.length)
  const other = roomOf(rooms, target)
  if (other === own) return null
  if (other === undefined) return { problem: `"${specifier}" belongs to no room`, fix: 'add a row to ARCHITECTURE.md' }
  if (own.rooms.includes(target)) return null
  if (!own.rooms.includes(other.room) && !own.rooms.includes('*')) {
    const allowed = own.rooms.join(', ') || 'nothing'
    return {
      problem: `the room "${own.room}" may not import "${other.room}" (${specifier})`,
      fix: `it may import: ${allowed}. Pass what is needed in from above, or change the table with a reason`,
    }
  }
  return checkDepth(root, own, other, target)
}

/** Another room is entered by its index.ts if it has one, else by a file that lies directly in it. */
function checkDepth(root, own, other, target) {
  if (target === other.room) return null
  const index = `${other.room}/index.ts`
  const fix = `or name "${target}" in the row of "${own.room}" in ARCHITECTURE.md`
  if (existsSync(join(root, 'src', index))) {
    return target === index ? null : { problem: `reaches past ${index}`, fix: `import it from there, ${fix}` }
  }
  if (posix.dirname(target) === other.room) return null
  return { problem: `reaches into a folder of the room "${other.room}"`, fix: `import a file directly in it, ${fix}` }
}
