// npm run build: what `npm pack` publishes, also on a fresh clone.
import { buildPackage } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { main } from './steps.mjs'

await main(() => {
  ensureInstalled()
  buildPackage()
})
