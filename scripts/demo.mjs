// npm run demo [-- FOLDER] and npm run demo:celery [-- FOLDER]: installs and builds what is missing, then runs the demo.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildTests } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { main, root } from './steps.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

await main(() => {
  const [first, ...rest] = process.argv.slice(2)
  const withCelery = first === '--celery'
  if (withCelery) ensureSystemPackages()
  ensureInstalled()
  buildTests()
  const demo = join(root, 'build', 'demo', withCelery ? 'celery' : '.', 'main.js')
  const args = withCelery ? rest : process.argv.slice(2)
  const { status, signal } = spawnSync(process.execPath, [demo, ...args], { stdio: 'inherit' })
  process.exitCode = signal === null ? (status ?? 1) : 1
})
