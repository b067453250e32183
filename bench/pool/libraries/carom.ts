import { Pool } from '../../../src/pool/index.ts'
import { fixture, type Library } from './library.ts'

export const carom: Library = {
  packageName: null,
  open: async ({ processes, concurrency, spares }) => {
    const pool = new Pool({
      module: fixture('functions.js'),
      processes,
      concurrencyPerChild: concurrency,
      spareChildren: spares,
    })
    await pool.whenStarted()
    return {
      call: (name, value, timeLimitMs) => pool.apply(name, [value], timeLimitMs === undefined ? {} : { timeLimitMs }),
      map: (name, items) => pool.map(name, items),
      close: () => pool.close(),
    }
  },
}
