/** What a consumer may write: each line compiles, and each one under `@ts-expect-error` must not. */

const OPTIONS = { strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', types: ['node'], lib: ['es2022'] }
const NODENEXT = { ...OPTIONS, module: 'nodenext', moduleResolution: 'nodenext' }
const BUNDLER = { ...OPTIONS, module: 'esnext', moduleResolution: 'bundler' }
const FILES = ['producer.ts', 'image.ts', 'pool.ts', 'worker.ts']

export const TSCONFIGS = {
  'tsconfig.nodenext.json': { compilerOptions: NODENEXT, files: [...FILES, 'legacy.cts'] },
  'tsconfig.bundler.json': { compilerOptions: BUNDLER, files: FILES },
  // The browser's types overlap with Node's.
  'tsconfig.browser.json': { compilerOptions: { ...BUNDLER, lib: ['es2022', 'dom'] }, files: FILES },
}

export const SOURCES = {
  'producer.ts': `
import { type AsyncResult, Carom, isCaromError } from 'carom'

export const app = new Carom('shop')
export const add = app.task('shop.add', (a: number, b: number) => a + b)
const report = app.remoteTask<(month: string) => { url: string }>('reports.build', { queue: 'python' })

export async function send(): Promise<string> {
  const result: AsyncResult<number> = await add.delay(2, 3)
  const sum: number = await result.get({ timeoutMs: 5_000 })
  // @ts-expect-error a string is no number
  await add.delay('2', 3)
  // @ts-expect-error there is no such option
  await add.applyAsync([2, 3], { countdown: 10 })
  await add.applyAsync([2, 3], { countdownMs: 10_000, queue: 'slow', taskId: 'one' })
  const results: AsyncResult<number>[] = await add.applyMany([[1, 2], [3, 4]])
  try {
    const { url } = await (await report.delay('may')).get()
    // @ts-expect-error the report has no such part
    const { path } = await (await report.delay('may')).get()
    return url + String(path) + sum + results.length
  } catch (error) {
    if (isCaromError(error, 'CAROM_RESULT_TIMEOUT')) return error.code
    // @ts-expect-error there is no such code
    isCaromError(error, 'CAROM_NO_SUCH_CODE')
    throw error
  }
}
`,
  'image.ts': `
import { currentJob } from 'carom/job'

export function resize(file: string, width: number): number {
  return currentJob().signal.aborted ? 0 : file.length * width
}
`,
  'pool.ts': `
import { Pool } from 'carom/pool'
import type * as image from './image.js'

export async function resizeAll(files: readonly string[]): Promise<number[]> {
  const pool = new Pool<typeof image>({ module: new URL('./image.js', import.meta.url), processes: 2 })
  try {
    const first: number = await pool.apply('resize', ['a.png', 320])
    // @ts-expect-error the module has no such function
    await pool.apply('crop', ['a.png', 320])
    return [first, ...(await Promise.all(files.map((file) => pool.exports.resize(file, 320))))]
  } finally {
    await pool.close()
  }
}
`,
  'worker.ts': `
import { startWorker, type Worker } from 'carom/worker'

const worker: Worker = await startWorker({ app: new URL('./producer.js', import.meta.url), concurrency: 2, queues: ['shop'] })
await worker.stop()
`,
  // CommonJS that requires an ES module, which TypeScript allows where Node does.
  'legacy.cts': `
import carom = require('carom')

export const app: carom.Carom = new carom.Carom('legacy')
`,
}
