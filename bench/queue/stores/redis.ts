/** A Redis server on a free port, with a folder of its own. It ends with the round that started it. */
import { spawn } from 'node:child_process'
import { Redis } from 'ioredis'
import { freePort } from './ports.ts'
import type { Store } from './store.ts'

const FLAGS = {
  /** Nothing is written to disk. */
  none: ['--appendonly', 'no'],
  /** Every write is in a file at once, and on the disk within a second: Redis's own advice where tasks matter. */
  everysec: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
} as const

export async function startRedis(folder: string, durability: keyof typeof FLAGS): Promise<Store> {
  const port = await freePort()
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  // What is slow on a busy machine would be remembered, and count as memory.
  const flags = [...place, '--save', '', '--slowlog-log-slower-than', '-1', ...FLAGS[durability]]
  spawn('redis-server', flags, { stdio: ['ignore', 'ignore', 'inherit'] }).on('error', (error) => {
    throw error
  })
  const client = connectTo(port)
  await client.ping()
  client.disconnect()
  return { brokerUrl: `redis://127.0.0.1:${port}/0`, resultUrl: `redis://127.0.0.1:${port}/0`, port }
}

/** Keeps trying until the server has started. */
export function connectTo(port: number): Redis {
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 10 })
  // Until the server listens; a round has its deadline.
  client.on('error', () => {})
  return client
}
