/** Registering tasks: what is inferred, and what does not compile. */
import { z } from 'zod'
import { type AsyncResult, Carom, type RemoteTask, type Task } from '../../src/index.ts'
import { same } from './same.ts'

const app = new Carom('types', { broker: 'memory:types', queue: undefined })

/** Never called: its compilation is the test. */
export async function positional() {
  const add = app.task('t.add', (a: number, b: number) => a + b)
  same<Parameters<typeof add>, [a: number, b: number]>()
  same<typeof add.taskName, string>()
  same<ReturnType<typeof add.delay>, Promise<AsyncResult<number>>>()
  const sum: number = add(1, 2)
  const asTask: Task<(a: number, b: number) => number> = add
  const withOptions = app.task(
    't.options',
    { queue: 'q', priority: 3, acksLate: false, ignoreResult: undefined },
    async () => sum,
  )
  same<ReturnType<typeof withOptions.delay>, Promise<AsyncResult<number>>>()
  app.task('t.bigint', { acksLate: true, maxCrashes: 5 }, (n: bigint | number) => BigInt(n))
  app.task('t.void', () => {})
  app.task('t.never', (): never => {
    throw new Error()
  })
  app.task('t.rest', (first: string, ...rest: Date[]) => [first, rest] as const)
  app.task('t.generic', <T>(value: T) => value)
  app.task('t.undefined', (options: { a: string | undefined; b?: number }) => options)
  app.task('t.url', () => new URL('https://example.com'))
  app.onChildInit(async () => {})
  return asTask
}

export async function notTasks() {
  // @ts-expect-error a function cannot be an argument
  app.task('t.x', (callback: () => void) => callback())
  // @ts-expect-error nor a symbol
  app.task('t.x', (key: symbol) => String(key))
  // @ts-expect-error nor a Map, however deep
  app.task('t.x', (options: { index: { by: Map<string, number> } }) => options.index.by.size)
  // @ts-expect-error nor a Set in a rest argument
  app.task('t.x', (...sets: Set<string>[]) => sets.length)
  // @ts-expect-error a URL would arrive as a string
  app.task('t.x', (url: URL) => url.href)
  // @ts-expect-error a bigint may arrive as a number
  app.task('t.x', (n: bigint) => n * 2n)
  // @ts-expect-error a Buffer would arrive as a Uint8Array
  app.task('t.x', (bytes: Buffer) => bytes.toString('hex'))
  // @ts-expect-error an instance would arrive without its methods
  app.task('t.x', (point: Point) => point.length())
  // @ts-expect-error a Map cannot be a result
  app.task('t.x', () => new Map([['a', 1]]))
  // @ts-expect-error nor a promise of a Set, however deep
  app.task('t.x', async () => ({ found: { names: new Set(['a']) } }))
  // @ts-expect-error nor a function
  app.task('t.x', { queue: 'q' }, () => () => 1)
  // @ts-expect-error nor a symbol
  app.task('t.x', () => Symbol('x'))
  // @ts-expect-error nor an instance with methods
  app.task('t.x', async () => new Point())
  // @ts-expect-error no function at all
  app.task('t.x', { queue: 'q' })
  // @ts-expect-error no name
  app.task((a: number) => a)
}

export function options() {
  const one = (a: number) => a
  // @ts-expect-error an unknown option
  app.task('t.x', { retries: 3 }, one)
  // @ts-expect-error a wrong type
  app.task('t.x', { priority: 'high' }, one)
  // @ts-expect-error names that are no strings
  app.task('t.x', { argNames: [1] }, one)
  // @ts-expect-error an unknown option of the app
  new Carom('types', { url: 'memory:' })
  // @ts-expect-error an option that only the one who runs the task has
  app.remoteTask('t.x', { acksLate: true })
  // @ts-expect-error no function
  app.onChildInit('init')
}

export async function schemas() {
  const input = z.object({ to: z.email(), at: z.date().optional(), times: z.string().transform(Number) })
  const mail = app.task('t.mail', { input, queue: 'slow' }, async ({ to, at, times }) => {
    same<typeof to, string>()
    same<typeof at, Date | undefined>()
    same<typeof times, number>()
    return { sentAt: new Date(), id: 5n }
  })
  same<Awaited<ReturnType<typeof mail.delay>>, AsyncResult<{ sentAt: Date; id: bigint | number }>>()
  same<Parameters<typeof mail.delay>, [input: { to: string; at?: Date | undefined; times: string }]>()
  same<Parameters<typeof mail>, [input: { to: string; at?: Date | undefined; times: number }]>()
  // @ts-expect-error a handler that takes something else
  app.task('t.x', { input }, ({ to }: { to: number }) => to)
  // @ts-expect-error a result that cannot be sent
  app.task('t.x', { input }, async () => new Map<string, number>())
  // @ts-expect-error the input has to be an object
  app.task('t.x', { input: z.string() }, (text) => text)
  // @ts-expect-error an array is none
  app.task('t.x', { input: z.array(z.string()) }, (texts) => texts)
  // @ts-expect-error an input that cannot be sent
  app.task('t.x', { input: z.object({ by: z.map(z.string(), z.number()) }) }, () => 1)
  // @ts-expect-error an input that would arrive as something else
  app.task('t.x', { input: z.object({ n: z.bigint() }) }, () => 1)
  // @ts-expect-error not a schema
  app.task('t.x', { input: { to: 'string' } }, () => 1)
}

export async function loaded() {
  const thumb = app.task('t.thumb', {
    load: async () => ({ default: (file: string, width?: number) => [file, width] }),
  })
  same<ReturnType<typeof thumb>, Promise<(string | number | undefined)[]>>()
  same<Parameters<typeof thumb>, [file: string, width?: number | undefined]>()
  const mail = app.task('t.mail', {
    input: z.object({ to: z.string() }),
    load: async () => ({ default: async (letter: { to: string }) => letter.to.length }),
  })
  same<ReturnType<typeof mail>, Promise<number>>()
  same<ReturnType<typeof mail.delay>, Promise<AsyncResult<number>>>()
  // @ts-expect-error a module without a default export
  app.task('t.x', { load: async () => ({ other: () => 1 }) })
  // @ts-expect-error whose default export is no function
  app.task('t.x', { load: async () => ({ default: 5 }) })
  // @ts-expect-error whose function takes what cannot be sent
  app.task('t.x', { load: async () => ({ default: (by: Map<string, number>) => by.size }) })
  // @ts-expect-error whose function does not take the input
  app.task('t.x', { input: z.object({ to: z.string() }), load: async () => ({ default: (to: number) => to }) })
  // @ts-expect-error both a function and its loader
  app.task('t.x', { load: async () => ({ default: () => 1 }) }, () => 1)
  // @ts-expect-error a module, not what imports it
  app.task('t.x', { load: { default: () => 1 } })
}

export async function remote() {
  const report = app.remoteTask<(month: string, at?: Date) => { url: string; size: bigint }>('far.report', {
    queue: 'python',
  })
  same<ReturnType<typeof report.delay>, Promise<AsyncResult<{ url: string; size: bigint | number }>>>()
  const asRemote: RemoteTask<(month: string, at?: Date) => { url: string; size: bigint }> = report
  // @ts-expect-error it runs elsewhere
  report('2025-01')
  // @ts-expect-error a wrong argument
  await report.delay(5)
  // @ts-expect-error what cannot be sent
  await app.remoteTask<(callback: () => void) => void>('far.x').delay(() => {})
  const anyone = await app.remoteTask('far.any').delay(1, 'two', { three: 3 })
  same<typeof anyone, AsyncResult<unknown>>()
  return asRemote
}

class Point {
  x = 3
  y = 4
  length() {
    return Math.hypot(this.x, this.y)
  }
}
