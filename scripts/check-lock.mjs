// The lock file names the binary of every platform. npm drops those that the registry at hand did not have while it
// wrote the lock, and then `npm ci` refuses that lock everywhere. `node scripts/repair-lock.mjs` adds them again.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export function check(root) {
  const file = 'package-lock.json'
  if (!existsSync(join(root, file))) return []
  const fix = 'run `node scripts/repair-lock.mjs`'
  return absentBinaries(JSON.parse(readFileSync(join(root, file), 'utf8'))).map(({ name, version, parent }) => ({
    file,
    line: 1,
    problem: `${parent} may need ${name}@${version}, which has no entry, so \`npm ci\` fails`,
    fix,
  }))
}

/** Optional dependencies without an entry, each with the exact version that its parent asks for. */
export function absentBinaries({ packages }) {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, dev, parent: path.replace(/^.*node_modules\//, '') })),
  )
}
