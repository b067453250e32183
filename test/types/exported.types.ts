/** A user's module of tasks: whoever imports it needs a name for every type in it, from the public list alone. */
import { z } from 'zod'
import { Carom } from '../../src/index.ts'

export const app = new Carom('exported')
export const add = app.task('e.add', (a: number, b: number) => a + b)
export const queued = app.task('e.queued', { queue: 'q' }, async (at: Date) => at)
export const named = app.task('e.named', { argNames: ['a', 'b'] }, (a: number, b?: Date) => ({ a, b }))
export const mail = app.task('e.mail', { input: z.object({ to: z.string() }) }, async ({ to }) => ({
  to,
  at: new Date(),
}))
export const thumb = app.task('e.thumb', { load: async () => ({ default: (file: string) => file.length }) })
export const report = app.remoteTask<(month: string) => { url: string }>('e.report')
export const signature = add.s(1, 2)
export const send = () => add.delay(1, 2)
export const sendMany = () => mail.applyMany([{ to: 'ada' }])
export const sendByName = () => named.applyAsync([], { kwargs: { a: 1 } })
export const look = async () => (await named.delay(1)).meta()
export const found = app.result<number>('id')
