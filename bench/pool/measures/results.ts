import type { OpenPool } from '../libraries/library.ts'
import type { PoolMeasure, Row } from '../measure.ts'
import { ONE_AT_A_TIME, openRow, withOptions } from '../rows.ts'

const MIB = 4
const BYTES = MIB * 1024 * 1024

export const results: PoolMeasure = {
  name: 'results',
  title: 'Large results',
  describe: () =>
    `A result of ${MIB} MiB, one call after the other: as bytes (a Buffer), as a text, and as an array of numbers that fill as much memory. Where a pool can write values as JSON or otherwise it does what is faster for it; bytes as JSON are none.`,
  columns: [
    { figure: 'bytes', heading: 'bytes, MiB/s', better: 'more' },
    { figure: 'text', heading: 'text, MiB/s', better: 'more' },
    { figure: 'numbers', heading: 'numbers, MiB/s', better: 'more' },
  ],
  rows: withOptions(ONE_AT_A_TIME, { serialization: 'advanced' }),
  rounds: 5,
  run: async (row, isQuick) => {
    const count = isQuick ? 6 : 16
    return {
      bytes: await fastest(row, 'bytes', count),
      text: await fastest(row, 'text', count),
      numbers: await fastest(row, 'numbers', count),
    }
  },
}

async function fastest(row: Row, name: 'bytes' | 'text' | 'numbers', count: number): Promise<number> {
  const advanced = await mibPerSecond(await openRow(row), name, count)
  if (name === 'bytes' || !HAVE_A_CHOICE.has(row.library)) return advanced
  return Math.max(advanced, await mibPerSecond(await openRow(row, { serialization: 'json' }), name, count))
}

const HAVE_A_CHOICE = new Set(['tinypool', 'workerpool', 'poolifier'])

async function mibPerSecond(pool: OpenPool, name: 'bytes' | 'text' | 'numbers', count: number): Promise<number> {
  const size = name === 'numbers' ? BYTES / 8 : BYTES
  let startedAtMs = 0
  for (let call = -3; call < count; call++) {
    if (call === 0) startedAtMs = performance.now()
    const { length } = (await pool.call(name, BYTES)) as { readonly length: number }
    if (length !== size) throw new Error(`A result of ${length} in place of ${size}`)
  }
  const seconds = (performance.now() - startedAtMs) / 1_000
  await pool.close()
  return (count * MIB) / seconds
}
