/** What the types of maps, streams and options let through and what they refuse. Compiling it is the test. */
import type { MapJob, Pool } from '../../src/pool/index.ts'
import type * as Items from './fixtures/items.ts'
import type * as Streams from './fixtures/streams.ts'

export async function rightMaps(pool: Pool<typeof Items>): Promise<void> {
  const squares: number[] = await pool.map('square', [1, 2])
  const later: number[] = await pool.map('squareLater', new Set([1]), { chunkSize: 2 })
  const powers: number[] = await pool.map('power', [1])
  const job: MapJob<number> = pool.mapAsync('square', [1], { priority: 3, timeLimitMs: 10 })
  const pairs: string[] = await pool.starmap('pair', [[1, 'a']])
  const optional: MapJob<number> = pool.starmapAsync('power', [[1], [1, 2]])
  void [squares, later, powers, job, pairs, optional]
}

export async function wrongMaps(pool: Pool<typeof Items>): Promise<void> {
  // @ts-expect-error items of another type
  await pool.map('square', ['1'])
  // @ts-expect-error a function that needs two arguments
  await pool.map('pair', [1])
  // @ts-expect-error no such export
  await pool.map('nothing', [1])
  // @ts-expect-error an async source, which only the maps that are read one by one take
  await pool.map('square', source())
  // @ts-expect-error results of another type
  const texts: string[] = await pool.map('square', [1])
  // @ts-expect-error an argument of another type in a list
  await pool.starmap('pair', [[1, 2]])
  // @ts-expect-error a list that is too short
  await pool.starmap('pair', [[1]])
  // @ts-expect-error items instead of lists
  await pool.starmap('square', [1])
  // @ts-expect-error no such option
  await pool.map('square', [1], { chunksize: 2 })
  void texts
}

export async function singly(pool: Pool<typeof Items>): Promise<void> {
  for await (const square of pool.imap('square', source())) square.toFixed()
  for await (const square of pool.imapUnordered('squareLater', [1, 2], { chunkSize: 10 })) square.toFixed()
  for await (const pair of pool.istarmap('pair', new Set<[number, string]>())) pair.trim()
  // @ts-expect-error results of another type
  for await (const square of pool.imap('square', [1])) square.trim()
  // @ts-expect-error items of another type
  pool.imapUnordered('square', [new Date()])
  // @ts-expect-error lists of another type
  pool.istarmap('pair', [['a', 1]])
}

export async function streams(pool: Pool<typeof Streams>): Promise<void> {
  for await (const value of pool.stream('count', [3])) value.toFixed()
  for await (const value of pool.stream('countAtOnce', [3], { priority: 1 })) value.toFixed()
  for await (const value of pool.stream('list', [])) value.trim()
  const step = await pool.stream('count', [3]).next()
  const text: string | number = step.done ? step.value.trim() : step.value.toFixed()
  // @ts-expect-error values of another type
  for await (const value of pool.stream('count', [3])) value.trim()
  // @ts-expect-error arguments of another type
  pool.stream('count', ['3'])
  // @ts-expect-error a function that gives a number
  pool.stream('pid', [])
  // @ts-expect-error a function that gives a text
  pool.stream('text', [])
  // @ts-expect-error chunks are for maps
  pool.stream('count', [3], { chunkSize: 2 })
  void text
}

export async function withOptions(pool: Pool<typeof Items>, signal: AbortSignal): Promise<void> {
  const square: (n: number) => Promise<number> = pool.exports.square.with({ signal, softTimeLimitMs: 100 })
  const result: number = await pool.exports.square.with({ memoryLimitBytes: 2 ** 26, onProgress: console.log })(3)
  // @ts-expect-error an argument of another type
  await pool.exports.square.with({})('3')
  // @ts-expect-error an option of another type
  pool.exports.square.with({ timeLimitMs: '1s' })
  // @ts-expect-error no such option
  pool.exports.square.with({ timeout: 1 })
  // @ts-expect-error no such export
  pool.exports.nothing.with({})
  void [square, result]
}

export async function anyModule(pool: Pool): Promise<void> {
  const results: unknown[] = await pool.map('whatever', [1, 'two'])
  for await (const value of pool.imap('whatever', source())) void value
  for await (const value of pool.stream('whatever', [1])) void (value satisfies unknown)
  // @ts-expect-error nothing is known of the values
  for await (const value of pool.stream('whatever', [])) value.toFixed()
  // @ts-expect-error nothing is known of the results
  const sums: number[] = await pool.map('whatever', [])
  void [results, sums]
}

async function* source(): AsyncGenerator<number, void, void> {
  yield 1
}
