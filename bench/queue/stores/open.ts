/** Starts what a row's system keeps its tasks in. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRabbit } from './rabbitmq.ts'
import { startRedis } from './redis.ts'
import type { Store, StoreName } from './store.ts'

/** Where rounds make their folders; whoever started them removes it. */
export const FOLDER = 'CAROM_BENCH_FOLDER'

export async function openStore(name: StoreName): Promise<Store> {
  const folder = mkdtempSync(join(process.env[FOLDER] ?? tmpdir(), 'store-'))
  switch (name) {
    case 'none':
      return { brokerUrl: '', resultUrl: '', port: null }
    case 'file':
    case 'file-process': {
      const url = `embedded:${join(folder, 'bench.sqlite')}${name === 'file' ? '' : '?durability=process'}`
      return { brokerUrl: url, resultUrl: url, port: null }
    }
    case 'redis':
      return startRedis(folder, 'none')
    case 'redis-everysec':
      return startRedis(folder, 'everysec')
    case 'rabbitmq':
      return startRabbit(folder)
  }
}
