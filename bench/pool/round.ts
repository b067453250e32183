/** One measure of one row, once: `node round.js MEASURE ROW [--quick]` prints the figures as a line of JSON. */
import { writeSync } from 'node:fs'
import { roundLine } from '../rounds.ts'
import { measureBilliard } from './billiard.ts'
import { MEASURES } from './measures/index.ts'

const [measureName, rowName, quick] = process.argv.slice(2)
const measure = MEASURES.find(({ name }) => name === measureName)
const row = measure?.rows.find(({ name }) => name === rowName)
if (measure === undefined || row === undefined) throw new Error(`No row "${rowName}" in a measure "${measureName}"`)
const isQuick = quick === '--quick'

const line = await roundLine(async () => ({
  figures: await (row.library === 'billiard' ? measureBilliard(measure, isQuick) : measure.run(row, isQuick)),
}))
// Before pools that would keep the process alive, or end it otherwise, have a say.
writeSync(1, line)
process.exit(0)
