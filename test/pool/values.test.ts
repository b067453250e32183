import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type * as Jobs from './fixtures/jobs.ts'
import type * as Values from './fixtures/values.ts'
import { caromFailureOf, failureOf, openPool } from './real-pool.ts'

test('Arguments and results of every kind cross unchanged', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const kinds = [
    ...[0, -1, 0.1, 2 ** 53, Number.NaN, Number.NEGATIVE_INFINITY, 10n ** 40n, true, null, undefined, '', 'ä😀'],
    ...[new Date(1_700_000_000_123), /a/gi, new Map([[{ a: 1 }, 'x']]), new Set([1, [2]]), { a: { b: [] } }],
    ...[new Float64Array([1.5, -2]), new BigInt64Array([5n]), new Uint8Array([1, 2]), new ArrayBuffer(8)],
  ]
  for (const kind of kinds) {
    assert.equal(await pool.exports.typeOf(kind), Object.prototype.toString.call(kind))
    assert.deepEqual(await pool.exports.echo([kind]), [kind])
  }
  assert.deepEqual(await Promise.all(kinds.slice(0, 17).map((kind) => pool.exports.echo(kind))), kinds.slice(0, 17))
})

test('An error as a value is a value, not a failure', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const error = (await pool.exports.echo(new RangeError('mine', { cause: new Error('why') }))) as Error
  assert.ok(error instanceof RangeError)
  assert.equal((error.cause as Error).message, 'why')
})

test('Bytes come back as a Buffer with memory of its own', async (t) => {
  const pool = openPool<typeof Values>(t, 'values')
  for (const size of [0, 1, 5_000, 3_000_000]) {
    const bytes = await pool.exports.makeBytes(size)
    assert.equal(bytes.length, size)
    assert.equal(bytes.buffer.byteLength, size)
    assert.ok(bytes.every((byte) => byte === 7))
  }
})

test('A result is what it was when the function returned, though its memory is used again', async (t) => {
  const pool = openPool<typeof Values>(t, 'values', { concurrencyPerChild: 20 })
  const results = await Promise.all(Array.from({ length: 20 }, (_, value) => pool.exports.fillScratch(value)))
  results.forEach((bytes, value) => {
    assert.ok(bytes.every((byte) => byte === value))
  })
})

test('Large results that leave in many pieces are what they were, though their memory is used again', async (t) => {
  const pool = openPool<typeof Values>(t, 'values', { concurrencyPerChild: 6 })
  // In one turn of the child: it writes the next while most of the first waits for room.
  const kinds = ['bytes', 'text', 'numbers', 'bytes', 'text', 'numbers'] as const
  const results = await Promise.all(kinds.map((kind, nth) => pool.exports.largeOf(kind, nth + 1)))
  const size = 4 * 1024 * 1024
  const expected = kinds.map((kind, nth) => {
    if (kind === 'bytes') return Buffer.alloc(size, nth + 1)
    return kind === 'text' ? String(nth + 1).repeat(size) : Array(size / 8).fill(nth + 1.5)
  })
  assert.ok(isDeepStrictEqual(results, expected))
})

test('Bytes in memory whose size may change arrive as they are', async (t) => {
  const pool = openPool<typeof Values>(t, 'values')
  for (const size of [10, 1_000_000]) {
    const bytes = await pool.exports.resizable(size)
    assert.ok(bytes.length === size && bytes.every((byte) => byte === 5))
  }
})

test('Cycles survive the way there and back', async (t) => {
  const pool = openPool<typeof Values & typeof Jobs>(t, 'values')
  const ring = (await pool.exports.makeRing()) as { self: unknown; list: unknown[] }
  assert.equal(ring.self, ring)
  assert.equal(ring.list[0], ring)
})

test('Results that cannot be sent fail their job, say why, and leave the child alive', async (t) => {
  const pool = openPool<typeof Values & typeof Jobs>(t, 'values')
  for (const [fails, why] of [
    [() => pool.exports.makeFunction(), /A function .*cannot leave/],
    [() => pool.exports.makeSymbol(), /symbol/],
    [() => pool.exports.makePromises(), /A promise cannot leave/],
    [() => pool.exports.makeNested(100_000), /call stack/],
    [() => pool.exports.makeThrowingGetter(), /a getter threw/],
  ] as const) {
    const error = await caromFailureOf(fails(), 'CAROM_RESULT_UNENCODABLE')
    assert.match(error.message, why)
  }
  const thenable = await failureOf(pool.exports.makeThrowingThenable())
  assert.equal(thenable.message, 'a getter threw')
  assert.equal(pool.stats().children[0]?.jobsDone, 6)
})

test('Arguments that cannot be sent are refused in the parent, and reach no child', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const deep = Array.from({ length: 100_000 }).reduce((inner) => [inner], 1)
  for (const bad of [() => 1, Symbol('x'), Promise.resolve(), { deep: [new WeakMap()] }, deep]) {
    const error = await caromFailureOf(pool.exports.echo(bad), 'CAROM_ARGUMENTS_UNENCODABLE')
    assert.match(error.message, /The arguments of "echo" cannot be sent to a child: /)
    assert.throws(() => pool.applyAsync('echo', [bad]), { code: 'CAROM_ARGUMENTS_UNENCODABLE' })
  }
  assert.equal(pool.stats().open, 0)
  assert.equal(await pool.exports.echo('fine'), 'fine')
})

test('Results over the limit fail their job, 100 MB too, and the next one is fine', async (t) => {
  const pool = openPool<typeof Values>(t, 'values')
  for (const fails of [() => pool.exports.makeBytes(100_000_000), () => pool.exports.makeText(100_000_000)]) {
    const error = await caromFailureOf(fails(), 'CAROM_RESULT_TOO_LARGE')
    assert.ok((error.sizeBytes as number) >= 100_000_000)
    assert.match(error.message, /over the limit of 67108864/)
  }
  assert.equal((await pool.exports.makeBytes(60_000_000)).length, 60_000_000)
})

test('Arguments over the limit are refused with both sizes', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { maxPayloadBytes: 2_000 })
  const error = await caromFailureOf(pool.exports.echo('x'.repeat(3_000)), 'CAROM_ARGUMENTS_TOO_LARGE')
  assert.match(error.message, /have 30\d\d bytes, over the limit of 2000/)
  assert.equal(((await pool.exports.echo('x'.repeat(1_900))) as string).length, 1_900)
})

test('A failure is told, however small the limit, and ends in a mark where it was cut', async (t) => {
  const pool = openPool<typeof Values>(t, 'values', { maxPayloadBytes: 1_024 })
  const error = await failureOf(pool.exports.throwHuge())
  assert.equal(error.message, `${'x'.repeat(16 * 1024 - 1)}…`)
  assert.equal(pool.stats().children[0]?.jobsDone, 1, 'the child lives')
})

for (const [what, thrown, message] of [
  ['a text', 'throwText', 'just text'],
  ['null', 'throwNull', 'null was thrown: null'],
  ['nothing, by a rejection', 'rejectNothing', 'undefined was thrown: undefined'],
] as const) {
  test(`A function that throws ${what} fails with an error that says so`, async (t) => {
    const pool = openPool<typeof Values>(t, 'values')
    const error = await failureOf(pool.apply(thrown, []))
    assert.equal(error.name, 'NonErrorThrown')
    assert.equal(error.message, message)
  })
}

test("A function's error arrives with its name, message, facts, cause and remote stack", async (t) => {
  const pool = openPool<typeof Values>(t, 'values')
  const error = await failureOf(pool.exports.throwError())
  assert.equal(error.name, 'RangeError')
  assert.equal(error.message, 'the outer reason')
  assert.equal(error.status, 503)
  assert.match(error.stack ?? '', /RangeError: the outer reason\n +at throwError \(.*values\.js/)
  const cause = error.cause as Error & { code: string; path: string }
  assert.equal(`${cause.name}: ${cause.message}`, 'TypeError: the inner reason')
  assert.deepEqual([cause.code, cause.path], ['ENOENT', '/nowhere'])
})

test('An error whose getters throw, and one whose cause is itself, still arrive', async (t) => {
  const pool = openPool<typeof Values>(t, 'values')
  assert.match((await failureOf(pool.exports.throwHostile())).message, /without a message/)
  const first = await failureOf(pool.exports.throwCycle())
  assert.equal(first.message, 'first')
  assert.equal((first.cause as Error).message, 'second')
})
