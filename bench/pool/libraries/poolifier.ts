import { loadPackage } from '../../packages.ts'
import { fixture, type Library } from './library.ts'

interface ClusterPool {
  execute(value: unknown, name: string, signal?: AbortSignal): Promise<unknown>
  mapExecute(values: readonly unknown[], name: string): Promise<readonly unknown[]>
  destroy(): Promise<unknown>
}
interface Poolifier {
  readonly FixedClusterPool: new (size: number, file: string, options: object) => ClusterPool
}

/** A child holds one call at a time only with its tasks queue; without, every call goes to a child at once. */
export const poolifier: Library = {
  packageName: 'poolifier',
  open: async ({ processes, concurrency, serialization }) => {
    const { FixedClusterPool } = await loadPackage<Poolifier>('poolifier')
    const queue = concurrency === 1 ? { enableTasksQueue: true, tasksQueueOptions: { concurrency } } : {}
    const options = { ...queue, settings: { serialization } }
    const pool = new FixedClusterPool(processes, fixture('poolifier-worker.cjs'), options)
    return {
      call: (name, value, timeLimitMs) => {
        return pool.execute(value, name, timeLimitMs === undefined ? undefined : AbortSignal.timeout(timeLimitMs))
      },
      map: (name, items) => pool.mapExecute(items, name),
      close: () => pool.destroy(),
    }
  },
}
