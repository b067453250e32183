// No file of src/ imports itself by way of others: such files can only be understood, tested and loaded together.
// Types count, `import()` does not: it is how a room loads another one later.
import { dirname, posix } from 'node:path'
import { filesUnder, importsOf, readSource } from './source.mjs'

export function check(root) {
  const imports = new Map(filesUnder(root, 'src').map((file) => [file, edgesOf(readSource(root, file))]))
  const done = new Set()
  const violations = []
  for (const file of imports.keys()) visit(file, [], imports, done, violations)
  return violations
}

function edgesOf(source) {
  return importsOf(source)
    .filter(({ specifier, lazy }) => specifier.startsWith('.') && !lazy)
    .map(({ specifier, line }) => ({ line, target: posix.join(dirname(source.path), specifier) }))
}

/** Depth first; an edge back to a file that is being visited closes a cycle. */
function visit(file, path, imports, done, violations) {
  if (done.has(file)) return
  for (const { target, line } of imports.get(file) ?? []) {
    const start = [...path, file].indexOf(target)
    if (start === -1) {
      visit(target, [...path, file], imports, done, violations)
      continue
    }
    const circle = [...[...path, file].slice(start), target].join(' -> ')
    const fix = 'move what both need into a file of its own'
    violations.push({ file, line, problem: `imports in a circle: ${circle}`, fix })
  }
  done.add(file)
}
