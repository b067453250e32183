// npm run verify: from a fresh clone to everything built, checked and tested. Stops at the first failure.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled } from './install.mjs'
import { refusal } from './machine.mjs'
import { ensureOtherNodes } from './other-nodes.mjs'
import { main, Refusal, root, run, seconds, step } from './steps.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

await main(async () => {
  const startedMs = performance.now()
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const reason = refusal({ platform: process.platform, version: process.version, engines: engines.node })
  if (reason !== null) throw new Refusal(reason)
  await step('System packages', ensureSystemPackages)
  await step('npm packages', ensureInstalled)
  await step('Check', () => run(process.execPath, ['scripts/check.mjs']))
  await step('Other versions of Node', ensureOtherNodes)
  await step('Test', () => run(process.execPath, ['scripts/test.mjs']))
  await step('Forked children on other versions of Node', () =>
    run(process.execPath, ['scripts/test-nodes.mjs', '--quick']),
  )
  console.log(`\nAll green in ${seconds(performance.now() - startedMs)}`)
})
