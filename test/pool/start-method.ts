import type { StartMethod } from '../../src/pool/options.ts'

/** The way in which children are started where a test does not say it: all such tests hold for each. */
export const START_METHOD = (process.env.CAROM_TEST_START_METHOD ?? 'spawn') as StartMethod
