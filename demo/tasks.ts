/** The app of the demo: one task, run once for each file. */
import { createHash } from 'node:crypto'
import { appendFileSync, createReadStream } from 'node:fs'
import { createGzip } from 'node:zlib'
import { Carom, currentTask } from '../src/index.ts'

export const app = new Carom('demo')

export interface FileFacts {
  readonly sha256: string
  readonly bytes: number
  readonly gzipBytes: number
  readonly lines: number
  readonly longestLineBytes: number
}

/** Reads a file once and tells what is in it. Its start and its end are written to a log of their own. */
export const inspectFile = app.task('demo.inspectFile', async (path: string): Promise<FileFacts> => {
  note('START')
  let bytes = 0
  try {
    const facts = await inspect(path, currentTask().signal)
    bytes = facts.bytes
    return facts
  } finally {
    note('END', bytes)
  }
})

async function inspect(path: string, signal: AbortSignal): Promise<FileFacts> {
  const hash = createHash('sha256')
  const gzip = createGzip()
  let [bytes, gzipBytes, lines, line, longestLineBytes] = [0, 0, 0, 0, 0]
  gzip.on('data', (chunk: Buffer) => {
    gzipBytes += chunk.length
  })
  for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    if (!gzip.write(chunk)) await new Promise((resolve) => gzip.once('drain', resolve))
    for (const byte of chunk) {
      if (byte !== NEWLINE) line++
      else {
        lines++
        if (line > longestLineBytes) longestLineBytes = line
        line = 0
      }
    }
  }
  await new Promise((resolve) => gzip.once('end', resolve).end())
  return { sha256: hash.digest('hex'), bytes, gzipBytes, lines, longestLineBytes: Math.max(line, longestLineBytes) }
}

/** One line per event. The kernel appends it whole, also when two children write at once. */
function note(event: 'START' | 'END', bytes = 0): void {
  const { id, attempt } = currentTask()
  const path = process.env.CAROM_DEMO_LEDGER
  if (path !== undefined) appendFileSync(path, `${event} ${id} ${attempt} ${process.pid} ${bytes}\n`)
}

const NEWLINE = 10
