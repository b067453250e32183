// Adds the entries that check-lock misses: name, version and platform, without a checksum, which only a registry that
// has the package can give. npm skips them on every platform but their own.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { absentBinaries } from './check-lock.mjs'
import { main, Refusal, root } from './steps.mjs'

await main(() => {
  const file = join(root, 'package-lock.json')
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  for (const { name, version, dev } of absentBinaries(lock)) {
    const { os, cpu, libc } = platformOf(name)
    // In npm's own order of keys, so that npm leaves the entry as it is.
    const entry = { version, cpu, ...(dev && { dev }), ...(libc && { libc }), optional: true, os }
    lock.packages[`node_modules/${name}`] = entry
    console.log(`Added ${name}@${version}`)
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
})

/** Binaries carry their platform in their name: `@scope/tool-linux-x64-musl`. */
function platformOf(name) {
  const match = /(aix|android|darwin|freebsd|linux|win32)-(arm64|arm|ia32|x64)(?:-(musl|gnu))?/.exec(name)
  if (match === null) throw new Refusal(`Cannot tell the platform of ${name}: add its entry to the lock file by hand`)
  const [, os, cpu, libc] = match
  return { os: [os], cpu: [cpu], libc: libc && [libc === 'gnu' ? 'glibc' : libc] }
}
