import type { Item } from '../fixtures/functions.ts'
import type { OpenPool } from '../libraries/library.ts'
import type { PoolMeasure, Row } from '../measure.ts'
import { BILLIARD, ONE_AT_A_TIME, openRow } from '../rows.ts'

const plan = (isQuick: boolean) => (isQuick ? { items: 100_000, warmUp: 50_000 } : { items: 500_000, warmUp: 250_000 })
/** Billiard's rule, and Carom's: a quarter of each child's share. */
const CHUNKS = 8
/** An item a call takes so much longer that fewer of them tell as much. */
const ITEMS_WITHOUT_CHUNKS = 50_000
const EACH = 'mapExecute, which makes a call of each item'

export const map: PoolMeasure = {
  name: 'map',
  title: 'Many small items',
  describe: (isQuick) =>
    `A function of ${plan(isQuick).items} items: adding one to a number, and giving a copy of a record of two fields. \`map\` with the default chunks where a pool has it; elsewhere ${CHUNKS} calls with an array each, as its user would have to cut them.`,
  columns: [
    { figure: 'numbers', heading: 'numbers/s', better: 'more' },
    { figure: 'records', heading: 'records/s', better: 'more' },
  ],
  rows: [
    ...ONE_AT_A_TIME.map((row) => (row.library === 'carom' ? row : { ...row, settings: `${CHUNKS} chunks by hand` })),
    { name: 'poolifier, its map', library: 'poolifier', options: { concurrency: 128 }, group: 'one', settings: EACH },
    { ...BILLIARD, settings: 'Pool.map' },
  ],
  rounds: 5,
  run: async (row, isQuick) => {
    const { items, warmUp } = plan(isQuick)
    const pool = await openRow(row)
    await itemsPerSecond(pool, row, 'increment', numbers(warmUp))
    const perSecond = await itemsPerSecond(pool, row, 'increment', numbers(items))
    await itemsPerSecond(pool, row, 'rename', records(warmUp))
    return { numbers: perSecond, records: await itemsPerSecond(pool, row, 'rename', records(items)) }
  },
  forBilliard: plan,
}

async function itemsPerSecond(
  pool: OpenPool,
  row: Row,
  name: 'increment' | 'rename',
  all: readonly unknown[],
): Promise<number> {
  const items = row.settings === EACH ? all.slice(0, ITEMS_WITHOUT_CHUNKS) : all
  const usesMap = row.library === 'carom' || row.settings === EACH
  const startedAtMs = performance.now()
  const given = await (usesMap ? pool.map?.(name, items) : mapByHand(pool, `${name}All`, items))
  const seconds = (performance.now() - startedAtMs) / 1_000
  if (given?.length !== items.length) throw new Error(`${given?.length} results of ${items.length} items`)
  return items.length / seconds
}

async function mapByHand(pool: OpenPool, name: string, items: readonly unknown[]): Promise<unknown[]> {
  const size = Math.ceil(items.length / CHUNKS)
  const chunks = Array.from({ length: CHUNKS }, (_, chunk) => items.slice(chunk * size, (chunk + 1) * size))
  return ((await Promise.all(chunks.map((chunk) => pool.call(name, chunk)))) as unknown[][]).flat()
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

function records(count: number): Item[] {
  return Array.from({ length: count }, (_, id) => ({ id, name: `item ${id}` }))
}
