/** One measure of one row, once: `node round.js MEASURE ROW [--quick]` prints the figures as a line of JSON. */
import { writeSync } from 'node:fs'
import { roundLine } from '../rounds.ts'
import { MEASURES } from './measures/index.ts'

const [measureName, rowName, quick] = process.argv.slice(2)
const measure = MEASURES.find(({ name }) => name === measureName)
const row = measure?.rows.find(({ name }) => name === rowName)
if (measure === undefined || row === undefined) throw new Error(`No row "${rowName}" in a measure "${measureName}"`)

const line = await roundLine(async () => ({ figures: await measure.run(row, quick === '--quick') }))
// Servers, workers and clients are still there: whoever started this ends them.
writeSync(1, line)
process.exit(0)
