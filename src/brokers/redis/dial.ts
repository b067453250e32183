/** Makes one connection to the server of an address: no reconnecting, no queue of commands while it is away. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { Redis, type RedisOptions } from 'ioredis'
import type { RedisAddress, RedisEndpoint } from './address.ts'

/** A connection that is authenticated, in its database, and answers. Whoever calls has a deadline and may destroy it. */
export function dial(address: RedisAddress, endpoint: RedisEndpoint): { client: Redis; ready: Promise<void> } {
  const client = new Redis(optionsOf(address, endpoint))
  // What the connection ended of: commands are only told that it did.
  let reason: unknown = null
  client.on('error', (error) => {
    reason = error
  })
  const ready = prepare(client, address.db).catch((error: unknown) => {
    throw reason ?? error
  })
  return { client, ready }
}

async function prepare(client: Redis, db: number): Promise<void> {
  await client.connect()
  // Each round trip counts where the line is slow.
  await Promise.all([
    // Not by ioredis, which goes on in database 0 when there is no such one.
    db === 0 ? null : client.select(db),
    // While the server loads its data it accepts connections, and no commands.
    client.ping(),
  ])
}

function optionsOf(address: RedisAddress, endpoint: RedisEndpoint): Omit<RedisOptions, 'replyMapping'> {
  const { username, password, options } = address
  return {
    ...placeOf(address, endpoint),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    lazyConnect: true,
    protocol: 2,
    connectionName: 'carom',
    disableClientInfo: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    // A command that was under way may have been carried out: whoever sent it decides.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: null,
    maxRetriesPerRequest: null,
    connectTimeout: options.commandTimeoutMs,
    commandTimeout: options.commandTimeoutMs,
    keepAlive: KEEP_ALIVE_MS,
  }
}

function placeOf(address: RedisAddress, endpoint: RedisEndpoint): Omit<RedisOptions, 'replyMapping'> {
  const { sentinelUsername, sentinelPassword } = address.options
  switch (endpoint.type) {
    case 'socket':
      return { path: endpoint.path }
    case 'sentinel':
      return {
        sentinels: [...endpoint.sentinels],
        name: endpoint.masterName,
        role: 'master',
        ...(sentinelUsername === null ? {} : { sentinelUsername }),
        ...(sentinelPassword === null ? {} : { sentinelPassword }),
        sentinelRetryStrategy: () => null,
      }
    case 'tcp': {
      const { host, port } = endpoint
      return { host, port, ...(endpoint.tls ? { tls: tlsOf(address, host) } : {}) }
    }
  }
}

function tlsOf({ options: { tls } }: RedisAddress, host: string): NonNullable<RedisOptions['tls']> {
  const read = (name: 'ca' | 'cert' | 'key', path: string | null) =>
    path === null ? {} : { [name]: readFileSync(path) }
  return {
    // An address is no name that a server could be asked for; its certificate is checked against it all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: tls.verify,
    ...read('ca', tls.caCerts),
    ...read('cert', tls.certFile),
    ...read('key', tls.keyFile),
  }
}

const KEEP_ALIVE_MS = 10_000
