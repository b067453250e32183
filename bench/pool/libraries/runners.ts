/** tinypool grew out of piscina: what they are called with is the same. */
import { loadPackage } from '../../packages.ts'
import { fixture, type Library, type OpenOptions, type OpenPool } from './library.ts'

interface Runner {
  run(value: unknown, options: { readonly name: string; readonly signal?: AbortSignal }): Promise<unknown>
  destroy(): Promise<unknown>
}
type RunnerClass = new (options: object) => Runner

export const tinypool: Library = {
  packageName: 'tinypool',
  open: async (options) => {
    const { Tinypool } = await loadPackage<{ Tinypool: RunnerClass }>('tinypool')
    const { serialization } = options
    // Its children have no environment but what they are given.
    const { env } = process
    return openRunner(new Tinypool({ ...runnerOptions(options), runtime: 'child_process', serialization, env }))
  },
}

/** Threads, not processes. */
export const piscina: Library = {
  packageName: 'piscina',
  open: async (options) => {
    const { Piscina } = await loadPackage<{ Piscina: RunnerClass }>('piscina')
    const resourceLimits = { maxOldGenerationSizeMb: heapLimitMb() }
    const limited = Number.isNaN(resourceLimits.maxOldGenerationSizeMb) ? {} : { resourceLimits }
    return openRunner(new Piscina({ ...runnerOptions(options), ...limited }))
  },
}

function runnerOptions({ processes, concurrency }: OpenOptions): object {
  const filename = fixture('functions.js')
  return { filename, minThreads: processes, maxThreads: processes, concurrentTasksPerWorker: concurrency }
}

function openRunner(runner: Runner): OpenPool {
  return {
    call: (name, value, timeLimitMs) => {
      const signal = timeLimitMs === undefined ? {} : { signal: AbortSignal.timeout(timeLimitMs) }
      return runner.run(value, { name, ...signal })
    },
    close: () => runner.destroy(),
  }
}

/** Processes take it from their environment; threads have to be told. */
function heapLimitMb(): number {
  return Number(/--max-old-space-size=(\d+)/.exec(process.env.NODE_OPTIONS ?? '')?.[1])
}
