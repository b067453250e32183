/** Sending tasks and reading results: what is inferred, and what does not compile. */
import { z } from 'zod'
import { type ApplyOptions, type AsyncResult, Carom, type Signature, type TaskMeta } from '../../src/index.ts'
import { same } from './same.ts'

const app = new Carom('types')
const add = app.task('s.add', (a: number, b: number) => a + b)
const pad = app.task('s.pad', (text: string, width?: number) => text.padStart(width ?? 0))
const named = app.task('s.named', { argNames: ['file', 'width', 'at'] }, (file: string, width: number, at?: Date) => ({
  file,
  width,
  at,
}))
const mail = app.task('s.mail', { input: z.object({ to: z.email(), at: z.date().optional() }) }, ({ to }) => to)

/** Never called: its compilation is the test. */
export async function right() {
  const result = await add.delay(1, 2)
  same<typeof result, AsyncResult<number>>()
  const sum: number = await result.get({ timeoutMs: 5_000, signal: undefined })
  same<Awaited<ReturnType<typeof result.meta>>, TaskMeta<number>>()
  await pad.delay('x')
  await pad.delay('x', undefined)
  await add.applyAsync([1, 2])
  await add.applyAsync([1, 2] as const, {
    countdownMs: 5,
    expires: new Date(),
    headers: { trace: 'x' },
    taskId: undefined,
  })
  const many = await add.applyMany(
    [
      [1, 2],
      [3, 4],
    ],
    { queue: 'q' },
  )
  same<typeof many, AsyncResult<number>[]>()
  await add.applyMany(new Set([[1, 2]] as const))
  await mail.delay({ to: 'ada@example.com', at: new Date() })
  await mail.applyAsync({ to: 'ada@example.com' }, { queue: 'q' })
  await mail.applyMany([{ to: 'ada@example.com' }])
  await named.delay('a.png', 320)
  await named.applyAsync(['a.png', 320], { queue: 'q' })
  const byName = await named.applyAsync([], { kwargs: { width: 320, file: 'a.png' }, queue: 'q' })
  same<typeof byName, Awaited<ReturnType<typeof named.delay>>>()
  await app.remoteTask<(month: string) => void>('s.far').applyAsync([], { kwargs: { month: '2025-01', dry: true } })
  const signature = add.s(1, 2)
  same<typeof signature, Signature<AsyncResult<number>>>()
  same<ReturnType<typeof signature.delay>, Promise<AsyncResult<number>>>()
  const again: Signature<AsyncResult<number>> = signature.set({ queue: 'q' })
  const everything: AsyncResult<unknown> = result
  const known: number = await app.result<number>('id').get()
  const options: ApplyOptions = { priority: 3 }
  await add.applyAsync([1, 2], options)
  return [sum, again, everything, known]
}

export async function wrongArguments() {
  // @ts-expect-error a wrong type
  await add.delay(1, 'two')
  // @ts-expect-error one too few
  await add.delay(1)
  // @ts-expect-error one too many
  await add.delay(1, 2, 3)
  // @ts-expect-error a function
  await add.delay(1, () => 2)
  // @ts-expect-error null where a number is
  await add.delay(1, null)
  // @ts-expect-error a wrong type, in a tuple
  await add.applyAsync([1, 'two'])
  // @ts-expect-error one too few, in a tuple
  await add.applyAsync([1])
  // @ts-expect-error arguments that are no tuple
  await add.applyAsync(1, 2)
  // @ts-expect-error one of many is wrong
  await add.applyMany([[1, 2], [3]])
  // @ts-expect-error one call instead of many
  await add.applyMany([1, 2])
  // @ts-expect-error a wrong type, in a signature
  add.s(1, 'two')
  // @ts-expect-error a wrong type, called as a function
  add(1, 'two')
}

export async function wrongInput() {
  // @ts-expect-error a wrong type
  await mail.delay({ to: 5 })
  // @ts-expect-error nothing
  await mail.delay()
  // @ts-expect-error a key is missing
  await mail.delay({})
  // @ts-expect-error a key too many
  await mail.delay({ to: 'ada@example.com', cc: 'bob@example.com' })
  // @ts-expect-error an object in a tuple
  await mail.applyAsync([{ to: 'ada@example.com' }])
  // @ts-expect-error the object is the keyword arguments already
  await mail.applyAsync({ to: 'ada@example.com' }, { kwargs: {} })
  // @ts-expect-error a wrong type, in a signature
  mail.s({ to: 5 })
}

export async function wrongNames() {
  // @ts-expect-error a task without argNames takes none by name
  await add.applyAsync([], { kwargs: { a: 1, b: 2 } })
  // @ts-expect-error a wrong type
  await named.applyAsync([], { kwargs: { file: 5, width: 320 } })
  // @ts-expect-error an argument is missing
  await named.applyAsync([], { kwargs: { file: 'a.png' } })
  // @ts-expect-error a name that is none
  await named.applyAsync([], { kwargs: { file: 'a.png', width: 320, height: 200 } })
  // @ts-expect-error by position and by name
  await named.applyAsync(['a.png', 320], { kwargs: { at: new Date() } })
}

export async function wrongOptions() {
  // @ts-expect-error Celery's name, in seconds
  await add.applyAsync([1, 2], { countdown: 5 })
  // @ts-expect-error a date has to be a Date
  await add.applyAsync([1, 2], { eta: '2025-01-01' })
  // @ts-expect-error a wrong type
  await add.applyAsync([1, 2], { priority: '5' })
  // @ts-expect-error many calls have no one id
  await add.applyMany([[1, 2]], { taskId: 'id' })
  // @ts-expect-error an unknown option
  add.s(1, 2).set({ colour: 'red' })
}

export async function wrongResults() {
  const result = await add.delay(1, 2)
  // @ts-expect-error the result is a number
  const text: string = await result.get()
  // @ts-expect-error a handle of another result
  const other: AsyncResult<string> = result
  // @ts-expect-error it is no promise, so nothing has its value before get()
  const value: number = await result
  // @ts-expect-error in seconds, and unknown
  await result.get({ timeout: 5 })
  // @ts-expect-error an argument that arrives as undefined arrives missing
  const at: Date = (await (await named.delay('a.png', 320)).get()).at
  return [text, other, value, at]
}
