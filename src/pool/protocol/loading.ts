/**
 * Which module a child is loading or initializing. A pool of the same module that is made meanwhile would make children
 * that make pools, without end. Kept on a global symbol: the child and the module may hold two copies of Carom.
 */

const KEY = Symbol.for('carom.pool.loading')
const shared = globalThis as { [KEY]?: string | null }

export async function whileLoading<T>(module: string, load: () => Promise<T>): Promise<T> {
  shared[KEY] = module
  try {
    return await load()
  } finally {
    shared[KEY] = null
  }
}

export function isLoading(module: string): boolean {
  return shared[KEY] === module
}
