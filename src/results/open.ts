import { type OpenOptions, parseStoreUrl } from '../brokers/url.ts'
import type { ResultBackend } from './backend.ts'

/**
 * Opens the result backend that `url` names; the same URLs, defaults and errors as a broker's. The broker and the
 * backend of one URL are one store, so that a result and the end of its message are one step.
 */
export async function openBackend(url: string | undefined, options: OpenOptions): Promise<ResultBackend> {
  const address = parseStoreUrl(url, options)
  switch (address.type) {
    case 'memory': {
      const { openMemoryBackend } = await import('./memory/backend.ts')
      return openMemoryBackend(address)
    }
    case 'embedded': {
      const { openSqliteBackend } = await import('./sqlite/backend.ts')
      return openSqliteBackend(address)
    }
    case 'redis': {
      const { openRedisBackend } = await import('./redis/backend.ts')
      return openRedisBackend(address)
    }
  }
}
