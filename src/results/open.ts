import { type OpenOptions, parseStoreUrl } from '../brokers/url.ts'
import { CaromError } from '../errors.ts'
import type { ResultBackend } from './backend.ts'

export interface OpenBackendOptions extends OpenOptions {
  /** The URL of the broker, whose server `rpc://` is on. */
  readonly brokerUrl?: string | undefined
}

/**
 * Opens the result backend that `url` names; the same URLs, defaults and errors as a broker's. The broker and the
 * backend of one URL are one store, so that a result and the end of its message are one step. On RabbitMQ, also by the
 * URL `rpc://`, results are messages to the sender of the task.
 */
export async function openBackend(url: string | undefined, options: OpenBackendOptions): Promise<ResultBackend> {
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
    case 'amqp': {
      const { openRpcBackend } = await import('./rpc/backend.ts')
      return openRpcBackend(address)
    }
    case 'rpc': {
      const broker = parseStoreUrl(options.brokerUrl, options)
      if (broker.type !== 'amqp') throw noRpc()
      const { openRpcBackend } = await import('./rpc/backend.ts')
      return openRpcBackend(broker)
    }
  }
}

/** Whether results are sent to whoever sent the task, and stored nowhere. Opens nothing. */
export function areResultsMessages(url: string | undefined, options: OpenOptions): boolean {
  const { type } = parseStoreUrl(url, options)
  return type === 'amqp' || type === 'rpc'
}

function noRpc(): CaromError {
  return new CaromError(
    'CAROM_URL_UNSUPPORTED',
    'Cannot use "rpc://" for results: it needs a broker "amqp://", on whose server results are sent back',
  )
}
