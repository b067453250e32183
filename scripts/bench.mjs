// npm run bench -- NAME [OPTIONS]: compiles and runs bench/NAME/main.ts. Nothing is asserted; a table is printed.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildTests } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { main, Refusal, root } from './steps.mjs'

await main(() => {
  const [name, ...options] = process.argv.slice(2)
  const folders = readdirSync(join(root, 'bench'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const known = folders.map((entry) => entry.name)
  if (!known.includes(name))
    throw new Refusal(`Name a benchmark: npm run bench -- ${known.join('|')} [OPTIONS]; bench/NAME/main.ts says which`)
  ensureInstalled()
  buildTests()
  const { status } = spawnSync(process.execPath, [join(root, 'build/bench', name, 'main.js'), ...options], {
    cwd: root,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
})
