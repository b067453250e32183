// npm run demo [-- FOLDER]: installs and builds what is missing, then runs the demo.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildTests } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { main, root } from './steps.mjs'

await main(() => {
  ensureInstalled()
  buildTests()
  const demo = join(root, 'build', 'demo', 'main.js')
  const { status, signal } = spawnSync(process.execPath, [demo, ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exitCode = signal === null ? (status ?? 1) : 1
})
