/**
 * Which module a child is loading. A pool that is made while its own module is loaded in a child would make children
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
