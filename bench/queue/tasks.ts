/** The app that is measured. */
import { Carom } from '../../src/index.ts'

export const app = new Carom('bench')

export const noop = app.task('bench.noop', (value: number) => value)

/** When it started, in milliseconds of the machine's clock. */
export const startedAt = app.task('bench.startedAt', () => performance.timeOrigin + performance.now())
