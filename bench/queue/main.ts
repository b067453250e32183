/**
 * Carom as a queue beside others.
 *
 *     node build/bench/queue/main.js [--only NAME,...] [--quick] [--json] [--write]
 *
 * Workers and their children run the Node that runs this. Every round starts the server that it needs, `redis-server` or
 * `rabbitmq-server`, on a free port and with an empty folder; nothing of them stays. `--write` puts each table into
 * docs/benchmarks.md, in the place for this version of Node; `--quick` shows that all works, its figures are worth little.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runSections } from '../command-line.ts'
import { SECTIONS } from './sections.ts'
import { FOLDER } from './stores/open.ts'

const folder = mkdtempSync(join(tmpdir(), 'carom-bench-'))
process.env[FOLDER] = folder
// Also when it is told to end before it is done.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
await runSections('queue', SECTIONS)
