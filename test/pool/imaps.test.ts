import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import { collect, collectToError } from './collect.ts'
import type * as Items from './fixtures/items.ts'
import { fixture, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const pool = new Pool<typeof Items>({ module: fixture('items'), startMethod: START_METHOD, processes: 2 })
after(() => pool.terminate())

const FORMS = ['imap', 'imapUnordered'] as const

for (const form of FORMS) {
  test(`${form}() gives every result, whatever its source and the size of its chunks`, async () => {
    const expected = Array.from({ length: 40 }, (_, n) => n * n)
    for (const chunkSize of [1, 3, 100]) {
      for (const items of [[...count(40)], count(40), countLater(40)]) {
        const results = await collect(pool[form]('square', items, { chunkSize }))
        assert.deepEqual(form === 'imap' ? results : inOrder(results), expected)
      }
      assert.deepEqual(await collect(pool[form]('square', [], { chunkSize })), [])
      const digits = '123' as unknown as Iterable<number>
      assert.deepEqual(inOrder(await collect(pool[form]('square', digits, { chunkSize }))), [1, 4, 9])
    }
  })

  test(`${form}() reads an endless source only a little ahead of the results that are taken`, async () => {
    await readyPids(pool, 2)
    const source = watched(count(Number.POSITIVE_INFINITY))
    const results = pool[form]('square', source, { chunkSize: 5 })
    assert.equal(source.read, 0, 'nothing before the first result is asked for')
    for (let taken = 1; taken <= 100; taken++) {
      await results.next()
      await until(() => pool.stats().open === 0, { what: 'all that was read has run' })
      // Two chunks for each of two places, and the one that is being taken.
      assert.ok(source.read <= taken + 5 * 5, `${source.read} were read when ${taken} were taken`)
    }
    await results.return()
    assert.equal(source.ends, 1)
  })

  test(`${form}() gives a result as soon as it is there, though its source keeps the next item back`, async () => {
    let taken = 0
    async function* source() {
      for (let n = 0; n < 5; n++) {
        yield n
        await until(() => taken > n, { what: `result ${n} was taken` })
      }
    }
    for await (const result of pool[form]('square', source())) assert.equal(result, (taken++) ** 2)
    assert.equal(taken, 5)
  })

  test(`Leaving the loop of ${form}() ends its source and asks what runs to stop`, async () => {
    const pids = await readyPids(pool, 2)
    const source = watched([0, 1, 2, 3, 4, 5, 6])
    for await (const result of pool[form]('hold', source)) {
      assert.equal(result, 0)
      await until(() => pool.stats().children.every(({ running }) => running.length === 1), { what: 'two run' })
      break
    }
    assert.equal(source.ends, 1)
    await until(() => pool.stats().open === 0, { what: 'nothing is left' })
    assert.deepEqual(await readyPids(pool, 2), pids, 'they stopped by themselves')
  })

  test(`Leaving the loop of ${form}() does not wait for a source that is in the middle of a step`, async () => {
    let ended = false
    async function* source() {
      try {
        yield 3
        await new Promise(() => {})
      } finally {
        ended = true
      }
    }
    for await (const result of pool[form]('square', source())) {
      assert.equal(result, 9)
      break
    }
    assert.equal(ended, false)
    assert.equal(pool.stats().open, 0)
  })

  test(`An item that fails in ${form}() comes after the results of its chunk before it`, async () => {
    const source = watched([...count(10), 10, ...new Array(1_000).fill(3)])
    const { values, error } = await collectToError(pool[form]('squareUnderTen', source, { chunkSize: 4 }))
    if (form === 'imap') assert.deepEqual(values, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81])
    assert.deepEqual(values.slice(-2), [64, 81])
    const { name, code, itemIndex } = error as Error & { code?: unknown; itemIndex?: unknown }
    assert.deepEqual([name, code, itemIndex], ['RangeError', 'EMUCH', 10])
    assert.equal(source.ends, 1)
    assert.ok(source.read < 1_000, 'it was not read to its end')
    await until(() => pool.stats().open === 0, { what: 'nothing is left' })
  })

  test(`A source of ${form}() that fails does so after the results of the items before it`, async () => {
    const failure = new Error('the source is broken')
    function* source() {
      yield* [1, 2, 3, 4, 5]
      throw failure
    }
    for (const chunkSize of [1, 2, 10]) {
      const { values, error } = await collectToError(pool[form]('square', source(), { chunkSize }))
      assert.deepEqual(inOrder(values), [1, 4, 9, 16, 25])
      assert.equal(error, failure)
    }
    assert.equal(pool.stats().open, 0)
  })

  test(`An item of ${form}() that cannot be sent fails after the results of those before it`, async () => {
    const source = watched([1, 2, (() => 3) as unknown as number, 4])
    const { values, error } = await collectToError(pool[form]('square', source))
    assert.deepEqual(inOrder(values), [1, 4])
    assert.equal((error as { code?: unknown } | null)?.code, 'CAROM_ARGUMENTS_UNENCODABLE')
    assert.equal(source.ends, 1)
  })

  test(`A child that dies under ${form}() fails it, and it does not hang`, async () => {
    const items = [1, 2, 3, -1, ...new Array(50).fill(4)]
    const { values, error } = await collectToError(pool[form]('squareOrExit', items))
    assert.equal((error as { code?: unknown } | null)?.code, 'CAROM_CHILD_LOST')
    if (form === 'imap') assert.deepEqual(values, [1, 4, 9])
    await until(() => pool.stats().open === 0, { what: 'nothing is left' })
  })
}

test('imap() keeps the order of the items, imapUnordered() gives what is done', async () => {
  await readyPids(pool, 2)
  const items = [800, 11, 12, 13]
  assert.deepEqual(await collect(pool.imap('wait', items)), items)
  assert.deepEqual(await collect(pool.imapUnordered('wait', items)), [11, 12, 13, 800])
})

test('imap() is stopped by its signal, with the reason as the cause', async () => {
  const controller = new AbortController()
  const results = pool.imap('hold', [0, 1, 1], { signal: controller.signal })
  assert.deepEqual(await results.next(), { value: 0, done: false })
  await until(() => pool.stats().children.every(({ running }) => running.length === 1), {
    what: 'the next ones run',
  })
  controller.abort('enough')
  const { error } = await collectToError(results)
  assert.deepEqual([(error as { code?: unknown } | null)?.code, error?.cause], ['CAROM_JOB_CANCELLED', 'enough'])
  assert.deepEqual(await results.next(), { value: undefined, done: true })
})

test('istarmap() gives all arguments of each item', async () => {
  async function* source(): AsyncGenerator<[number, number?], void, void> {
    yield [2, 3]
    yield [3]
    yield [10, 0]
  }
  assert.deepEqual(await collect(pool.istarmap('power', source(), { chunkSize: 2 })), [8, 9, 1])
})

function inOrder(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}

function* count(to: number): Generator<number, void, void> {
  for (let n = 0; n < to; n++) yield n
}

async function* countLater(to: number): AsyncGenerator<number, void, void> {
  for (const n of count(to)) {
    await null
    yield n
  }
}

interface Watched<T> extends Iterable<T> {
  /** Items that were taken from it. */
  read: number
  /** Times it was told that no more are wanted. */
  ends: number
}

function watched<T>(items: Iterable<T>): Watched<T> {
  const iterator = items[Symbol.iterator]()
  const source: Watched<T> = {
    read: 0,
    ends: 0,
    [Symbol.iterator]: () => ({
      next: () => {
        source.read++
        return iterator.next()
      },
      return: () => {
        source.ends++
        return { value: undefined, done: true }
      },
    }),
  }
  return source
}
