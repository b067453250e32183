/** What a pool's types let through and what they refuse. Compiling it is the test; nothing here is ever called. */
import type { Job, Pool } from '../../src/pool/index.ts'
import type * as Jobs from './fixtures/jobs.ts'

export async function rightCalls(pool: Pool<typeof Jobs>): Promise<void> {
  const sum: number = await pool.apply('add', [1, 2])
  const later: number = await pool.exports.addLater(1, 2)
  const job: Job<string> = pool.applyAsync('jobId', [])
  const id: string = await job.result
  const never: Promise<never> = pool.exports.spin()
  void [sum, later, id, never]
}

export async function wrongCalls(pool: Pool<typeof Jobs>): Promise<void> {
  // @ts-expect-error an argument of another type
  await pool.apply('add', ['1', 2])
  // @ts-expect-error an argument too few
  await pool.exports.add(1)
  // @ts-expect-error an argument too many
  await pool.exports.pid(1)
  // @ts-expect-error no such export
  await pool.apply('nothing', [])
  // @ts-expect-error an export that is no function
  await pool.apply('version', [])
  // @ts-expect-error a result of another type
  const text: string = await pool.apply('add', [1, 2])
  // @ts-expect-error a job's result is a promise
  const sum: number = pool.applyAsync('add', [1, 2]).result
  void [text, sum]
}

export async function anyModule(pool: Pool): Promise<void> {
  const result: unknown = await pool.apply('whatever', [1, 'two'])
  // @ts-expect-error nothing is known of the result
  const sum: number = await pool.apply('whatever', [])
  void [result, sum]
}
