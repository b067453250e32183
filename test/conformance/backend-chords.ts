/** What every result backend knows of chords. */
import assert from 'node:assert/strict'
import type { ChordPart, CompleteChord } from '../../src/results/chord.ts'
import type { ReadyState } from '../../src/results/meta.ts'
import type { ConformanceCase, OpenedStore } from './store.ts'

interface Said {
  readonly size?: number | null
  readonly status?: ReadyState
  readonly result?: string
  readonly index?: number | null
  readonly groupId?: string
}

function join({ backend }: OpenedStore, index: number, said: Said = {}): Promise<CompleteChord | null> {
  const { size = null, status = 'SUCCESS', result = String(index), groupId = 'g' } = said
  const part = { taskId: `t${index}`, status, result: Buffer.from(result) }
  return backend.joinChord({ groupId, size, index: said.index === undefined ? index : said.index, part })
}

function shown(complete: CompleteChord | null): string[] | null {
  if (complete === null) return null
  return (complete as readonly ChordPart[]).map(({ taskId, status, result }) => {
    return `${taskId} ${status} ${Buffer.from(result).toString()}`
  })
}

export const chordCases: readonly ConformanceCase[] = [
  {
    name: 'a chord is complete with its last part, and its parts come in the order of their numbers',
    async run(open) {
      const store = await open()
      await store.backend.openChords([{ groupId: 'g', size: 3 }])
      assert.equal(await join(store, 2), null)
      assert.equal(await join(store, 0), null)
      const other = await open()
      assert.deepEqual(shown(await join(other, 1)), ['t0 SUCCESS 0', 't1 SUCCESS 1', 't2 SUCCESS 2'])
    },
  },
  {
    name: 'a part that ends again counts once, its success stands, and it completes the chord again',
    async run(open) {
      const store = await open()
      await store.backend.openChords([{ groupId: 'g', size: 2 }])
      for (const result of ['0', '0', '"other"']) assert.equal(await join(store, 0, { result }), null)
      assert.equal(await join(store, 0, { status: 'FAILURE', result: '{}' }), null)
      for (let times = 0; times < 2; times++) {
        assert.deepEqual(shown(await join(store, 1)), ['t0 SUCCESS 0', 't1 SUCCESS 1'])
      }
    },
  },
  {
    name: 'parts that failed are parts, and one that was retried counts as what it became',
    async run(open) {
      const store = await open()
      await store.backend.openChords([{ groupId: 'g', size: 3 }])
      await join(store, 0, { status: 'FAILURE', result: '{"exc_type":"E"}' })
      await join(store, 1, { status: 'REVOKED', result: '{}' })
      await join(store, 0)
      const complete = shown(await join(store, 2, { status: 'FAILURE', result: 'null' }))
      assert.deepEqual(complete, ['t0 SUCCESS 0', 't1 REVOKED {}', 't2 FAILURE null'])
    },
  },
  {
    name: 'a chord that was closed is forgotten, and one of which nobody knows the size never completes',
    async run(open) {
      const store = await open()
      await store.backend.openChords([
        { groupId: 'g', size: 1 },
        { groupId: 'h', size: 1 },
      ])
      assert.notEqual(await join(store, 0), null)
      await store.backend.closeChords(['g', 'unknown'])
      assert.equal(await join(store, 0), null)
      assert.notEqual(await join(store, 0, { groupId: 'h' }), null)
    },
  },
  {
    name: 'two hundred parts at once complete a chord for exactly one of them',
    async run(open) {
      const stores = [await open(), await open()]
      const size = 200
      await stores[0]?.backend.openChords([{ groupId: 'g', size }])
      const numbers = Array.from({ length: size }, (_, index) => (index * 77) % size)
      const said = await Promise.all(numbers.map((index) => join(stores[index % 2] as OpenedStore, index)))
      const [complete, ...more] = said.filter((parts) => parts !== null)
      assert.equal(more.length, 0)
      const expected = Array.from({ length: size }, (_, index) => `t${index} SUCCESS ${index}`)
      assert.deepEqual(shown(complete ?? null), expected)
    },
  },
  {
    name: 'results of every kind come back as they were, from parts without a number last',
    async run(open) {
      const store = await open()
      await store.backend.openChords([{ groupId: 'g', size: 4 }])
      await join(store, 3, { index: null, result: '"ü\\u0000"' })
      await join(store, 2, { result: 'null' })
      await join(store, 1, { result: '[]' })
      const complete = shown(await join(store, 0, { result: '36893488147419103232' }))
      assert.deepEqual(complete, [
        't0 SUCCESS 36893488147419103232',
        't1 SUCCESS []',
        't2 SUCCESS null',
        't3 SUCCESS "ü\\u0000"',
      ])
    },
  },
  {
    name: 'more parts than a chord has never complete it',
    async run(open) {
      const store = await open()
      for (const index of [0, 1, 2]) await join(store, index)
      await store.backend.openChords([{ groupId: 'g', size: 2 }])
      assert.equal(await join(store, 3), null)
      assert.equal(await join(store, 0), null)
    },
  },
  {
    name: 'the size that a message says counts where nobody has opened the chord',
    applies: ({ takesSizeFromMessages }) => takesSizeFromMessages,
    async run(open) {
      const store = await open()
      assert.equal(await join(store, 1, { size: 2 }), null)
      assert.deepEqual(shown(await join(store, 0, { size: 2 })), ['t0 SUCCESS 0', 't1 SUCCESS 1'])
    },
  },
]
