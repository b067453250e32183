// npm run test:nodes [-- --quick] [ROOM...] [--file PATTERN]: the same tests on every other Node; without a room and a
// pattern those of the pool and the addon, with --quick only what the addon does and what a forked child is.
import { ensureOtherNodes, otherNode, VERSIONS } from './other-nodes.mjs'
import { main, run } from './steps.mjs'

const QUICK = [
  'native/addon',
  'pool/fork-auto',
  'pool/fork-endings',
  'pool/fork-features',
  'pool/fork-jobs',
  'pool/fork-orphans',
  'pool/fork-server',
]

await main(async () => {
  const words = process.argv.slice(2)
  const isQuick = words.includes('--quick')
  const chosen = words.filter((word) => word !== '--quick')
  const few = QUICK.flatMap((part) => ['--file', part])
  const tests = isQuick ? few : chosen.length > 0 ? chosen : ['native', 'pool']
  ensureOtherNodes()
  for (const major of Object.keys(VERSIONS)) {
    if (otherNode(major) !== undefined) run(process.execPath, ['scripts/test.mjs', '--node', major, ...tests])
  }
})
