/**
 * Carom's pool beside others, and beside what could be done without a pool.
 *
 *     node build/bench/pool/main.js [--only NAME,...] [--quick] [--json] [--write]
 *
 * Children run the Node that runs this. `--write` puts each table into docs/benchmarks.md, in the place for this version
 * of Node; `--quick` shows that all works, its figures are worth little.
 */
import { runSections } from '../command-line.ts'
import { SECTIONS } from './sections.ts'

await runSections('pool', SECTIONS)
