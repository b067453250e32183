import { loadPackage } from '../../packages.ts'
import * as functions from '../fixtures/functions.ts'
import { fixture, type Library } from './library.ts'

type Farm = Record<string, (value: unknown) => Promise<unknown>> & { end(): Promise<unknown> }
interface JestWorker {
  readonly Worker: new (module: string, options: object) => Farm
}

/** It has no time limits. */
export const jestWorker: Library = {
  packageName: 'jest-worker',
  open: async ({ processes }) => {
    const { Worker } = await loadPackage<JestWorker>('jest-worker')
    const exposedMethods = Object.keys(functions)
    const farm = new Worker(fixture('functions.js'), { numWorkers: processes, exposedMethods })
    return {
      call: (name, value) => (farm[name] as Farm[string])(value),
      close: () => farm.end(),
    }
  },
}
