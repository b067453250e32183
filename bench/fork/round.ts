/** One measure of one way, once: `node round.js MEASURE WAY EXTENT` prints the figures as a line of JSON. */
import { writeSync } from 'node:fs'
import { BOTH, type Extent, type RoundResult } from './measure.ts'
import { MEASURES } from './measures/index.ts'

const [measureName, wayName, extent] = process.argv.slice(2)
const measure = MEASURES.find(({ name }) => name === measureName)
const way = BOTH.find((name) => name === wayName)
if (measure === undefined || way === undefined) throw new Error(`No measure "${measureName}" of "${wayName}"`)

let result: RoundResult
try {
  result = { figures: await measure.run(way, extent as Extent) }
} catch (error) {
  result = { error: error instanceof Error ? (error.message.split('\n')[0] as string) : String(error) }
}
writeSync(1, `${JSON.stringify(result)}\n`)
process.exit(0)
