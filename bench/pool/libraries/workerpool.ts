import { loadPackage } from '../../packages.ts'
import { fixture, type Library } from './library.ts'

interface Execution extends Promise<unknown> {
  timeout(ms: number): Execution
}
interface Workerpool {
  pool(
    script: string,
    options: object,
  ): { exec(name: string, args: readonly unknown[]): Execution; terminate(): Promise<unknown> }
}

export const workerpool: Library = {
  packageName: 'workerpool',
  open: async ({ processes, serialization }) => {
    const { pool: openPool } = await loadPackage<Workerpool>('workerpool')
    const pool = openPool(fixture('workerpool-worker.js'), {
      workerType: 'process',
      minWorkers: processes,
      maxWorkers: processes,
      forkOpts: { serialization },
    })
    return {
      call: async (name, value, timeLimitMs) => {
        const execution = pool.exec(name, [value])
        return timeLimitMs === undefined ? execution : execution.timeout(timeLimitMs)
      },
      close: () => pool.terminate(),
    }
  },
}
