// npm run build [-- --arch ARCH...]: what `npm pack` publishes, also on a fresh clone. With --arch the addon is compiled for
// those machines (x64, arm64), too, by cross compilers where they are not this one: a release has both.
import { parseArgs } from 'node:util'
import { buildPackage } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { buildAddonFor } from './native.mjs'
import { main } from './steps.mjs'

await main(() => {
  const { values } = parseArgs({ options: { arch: { type: 'string', multiple: true, default: [] } } })
  ensureInstalled()
  for (const arch of values.arch) buildAddonFor(arch)
  buildPackage()
})
