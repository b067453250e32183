/** A worker in a process of its own, ended with its parent's pipe. Prints "ready". */
import { startWorker } from '../../src/worker/index.ts'

const worker = await startWorker({ app: new URL('./tasks.js', import.meta.url), concurrency: 2 })
console.log('ready')
process.stdin.once('end', () => void worker.stop()).resume()
await worker.ended
