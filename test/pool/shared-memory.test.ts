import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Packr, Unpackr } from 'msgpackr'
import { EXECUTORS, type ExecutorName, SHARED_MEMORY } from '../../src/pool/capabilities.ts'
import { decodePayload, encodePayload } from '../../src/pool/protocol/payload.ts'
import type * as Shared from './fixtures/shared-memory.ts'
import { caromFailureOf, openPool } from './real-pool.ts'

for (const executor of EXECUTORS) {
  test(`${executor}: shared memory is ${SHARED_MEMORY[executor]}`, async (t) => {
    await (SHARED_MEMORY[executor] === 'shared' ? sharesMemory : refusesMemory)(t, executor)
  })
}

async function sharesMemory(t: TestContext, executor: ExecutorName): Promise<void> {
  const initial = new SharedArrayBuffer(8)
  const processes = executor === 'inline' ? 1 : 2
  const pool = openPool<typeof Shared>(t, 'shared-memory', {
    executor,
    processes,
    initializer: 'keep',
    initArgs: [initial],
    answer: async () => initial,
  })
  const cells = new Int32Array(new SharedArrayBuffer(16), 4, 2)
  await Promise.all(Array.from({ length: 100 }, () => pool.exports.addTo({ cells, again: cells }, 1)))
  assert.deepEqual([...cells], [100, 100])
  await pool.exports.addToKept(5)
  assert.equal(new Int32Array(initial)[0], 5, 'an argument of the initializer is shared')
  const made = await pool.exports.make(8)
  await pool.exports.addTo({ cells: made, again: made }, 3)
  assert.deepEqual([...made], [3, 3], 'a result is shared')
  await pool.exports.addToAnswer(7)
  assert.equal(new Int32Array(initial)[0], 12, 'an answer is shared')
  const told: unknown[] = []
  for await (const view of pool.stream('yieldMemory', [cells], { onProgress: (view) => told.push(view) })) {
    told.push(view)
  }
  cells[0] = 1_000
  assert.deepEqual(
    told.map((view) => (view as Int32Array)[0]),
    [1_000, 1_000],
    'what is told and yielded is shared',
  )
  const [first, second] = (await pool.exports.echo([cells.buffer, cells.buffer])) as SharedArrayBuffer[]
  assert.equal(first, second, 'one memory stays one object')
}

async function refusesMemory(t: TestContext, executor: ExecutorName): Promise<void> {
  const pool = openPool<typeof Shared>(t, 'shared-memory', { executor })
  const memory = new SharedArrayBuffer(8)
  const wrong = [memory, new Int32Array(memory), new DataView(memory), new Uint8Array(memory)]
  for (const value of [...wrong, ...wrong.map((each) => [each])]) {
    const error = await caromFailureOf(pool.exports.echo(value), 'CAROM_ARGUMENTS_UNENCODABLE')
    assert.match(error.message, /Shared memory cannot leave its process/)
  }
  await caromFailureOf(pool.exports.make(8), 'CAROM_RESULT_UNENCODABLE')
  const options = { executor, initializer: 'keep', initArgs: [memory] }
  assert.throws(() => openPool(t, 'shared-memory', options), /Shared memory cannot leave its process/)
}

test('Bytes that refer to shared memory which did not come with them cannot be read', () => {
  const { bytes, encoding } = encodePayload([new SharedArrayBuffer(4)], true)
  assert.throws(() => decodePayload({ bytes, encoding }), /did not come with its value/)
})

test('Whoever else uses the same MessagePack library writes shared memory as ever', () => {
  const view = new Int32Array(new SharedArrayBuffer(4)).fill(3)
  const [back] = new Unpackr({ moreTypes: true }).unpack(new Packr({ moreTypes: true }).pack([view])) as [Int32Array]
  assert.deepEqual([...back], [3])
  assert.ok(back.buffer instanceof ArrayBuffer)
})
