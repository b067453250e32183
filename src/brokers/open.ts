import { CaromError } from '../errors.ts'
import type { Broker } from './broker.ts'
import { type OpenOptions, parseStoreUrl } from './url.ts'

export { embeddedPath, type OpenOptions } from './url.ts'

/**
 * Opens the broker that `url` names, and loads the code of that one only. Two opens of one store in one process share
 * it; it closes with the last of them.
 *
 * @param url `memory:[name]`, `embedded:[path][?durability=process]` or `amqp[s]://...`; nothing is the embedded store of the app.
 * @throws CaromError `CAROM_EMBEDDED_REFUSED` without a URL where `NODE_ENV` is `production`
 * @throws CaromError `CAROM_URL_UNSUPPORTED`
 * @throws CaromError `CAROM_STORE_...` when the store cannot be opened
 */
export async function openBroker(url: string | undefined, options: OpenOptions): Promise<Broker> {
  const address = parseStoreUrl(url, options)
  switch (address.type) {
    case 'memory': {
      const { openMemoryBroker } = await import('./memory/broker.ts')
      return openMemoryBroker(address)
    }
    case 'embedded': {
      const { openSqliteBroker } = await import('./sqlite/broker.ts')
      return openSqliteBroker(address)
    }
    case 'redis': {
      const { openRedisBroker } = await import('./redis/broker.ts')
      return openRedisBroker(address)
    }
    case 'amqp': {
      const { openAmqpBroker } = await import('./amqp/broker.ts')
      return openAmqpBroker(address)
    }
    case 'rpc':
      throw new CaromError(
        'CAROM_URL_UNSUPPORTED',
        'Cannot open a broker "rpc://": it is for results, name "amqp://..."',
      )
  }
}
