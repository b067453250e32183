// npm run demo [-- FOLDER] and npm run demo:celery [-- FOLDER]: installs and builds what is missing, then runs the demo.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildTests } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { main, root } from './steps.mjs'
import { requireSystemPackages } from './system-packages.mjs'

await main(() => {
  const [first, ...rest] = process.argv.slice(2)
  const withCelery = first === '--celery'
  if (withCelery) requireSystemPackages(celeryPackages(), 'npm run demo:celery')
  ensureInstalled()
  buildTests()
  const demo = join(root, 'build', 'demo', withCelery ? 'celery' : '.', 'main.js')
  const args = withCelery ? rest : process.argv.slice(2)
  const { status, signal } = spawnSync(process.execPath, [demo, ...args], { stdio: 'inherit' })
  process.exitCode = signal === null ? (status ?? 1) : 1
})

/** The Python on the PATH may have Celery from elsewhere. */
function celeryPackages() {
  const hasCelery = spawnSync('python3', ['-c', 'import celery, redis']).status === 0
  return ['redis-server', ...(hasCelery ? [] : ['python3-celery', 'python3-redis'])]
}
