/** Field tables as RabbitMQ and Python's py-amqp write them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { FieldTableError, readTable, writeTable } from '../../src/brokers/amqp/protocol/field-table.ts'

/** A table with one field. */
function tableOf(letter: string, ...bytes: readonly number[]): Buffer {
  const field = [1, 'k'.charCodeAt(0), letter.charCodeAt(0), ...bytes]
  return Buffer.from([0, 0, 0, field.length, ...field])
}

function readOne(letter: string, ...bytes: readonly number[]): unknown {
  return readTable(tableOf(letter, ...bytes), 0)[0].k
}

const ONES = [255, 255, 255, 255, 255, 255, 255, 255]

test('every letter that RabbitMQ or py-amqp writes is read', () => {
  assert.deepEqual(
    ['b', 's', 'U', 'I', 'l', 'L'].map((letter) => readOne(letter, ...ONES.slice(0, SIZES[letter]))),
    [-1, -1, -1, -1, -1, -1],
  )
  assert.deepEqual([readOne('B', 255), readOne('u', 255, 255), readOne('i', 0, 0, 0, 9)], [255, 65_535, 9])
  assert.equal(readOne('L', 0, 0, 1, 0, 0, 0, 0, 0), 2 ** 40)
  assert.equal(readOne('l', 64, 0, 0, 0, 0, 0, 0, 1), 2n ** 62n + 1n)
  assert.equal(readOne('T', 0, 0, 0, 0, 0, 0, 0, 7), 7)
  assert.deepEqual([readOne('t', 1), readOne('t', 0), readOne('V')], [true, false, null])
  assert.deepEqual([readOne('f', 63, 128, 0, 0), readOne('d', 63, 240, 0, 0, 0, 0, 0, 0)], [1, 1])
  assert.deepEqual(readOne('D', 2, 0, 0, 1, 0), { scale: 2, value: 256 })
  assert.equal(readOne('S', 0, 0, 0, 2, 195, 188), 'ü')
  assert.deepEqual(readOne('x', 0, 0, 0, 1, 9), Buffer.from([9]))
  assert.deepEqual(readOne('A', 0, 0, 0, 2, 86, 86), [null, null])
})

test('what is no table is an error, and never read beyond its end', () => {
  assert.throws(() => readOne('?', 1), new FieldTableError('hold a field of an unknown type ("?")'))
  assert.throws(() => readOne('S', 255, 255, 255, 255, 1), FieldTableError)
  for (const letter of ['I', 'l', 'S', 'F', 'A', 'D']) assert.throws(() => readOne(letter, 1), letter)
  assert.throws(() => readTable(Buffer.from([0, 0, 0, 9, 1]), 0), FieldTableError)
})

test('integers are written in the 32 bits that everybody reads alike, or in 64', () => {
  for (const [value, letter] of [
    [-1, 'I'],
    [0n, 'I'],
    [2 ** 31 - 1, 'I'],
    [-(2 ** 31), 'I'],
    [2 ** 31, 'l'],
    [-(2n ** 63n), 'l'],
  ] as const) {
    const written = writeTable({ k: value })
    assert.equal(String.fromCharCode(written.readUInt8(6)), letter, String(value))
    assert.equal(BigInt(readTable(written, 0)[0].k as number), BigInt(value))
  }
})

test('what is written is read as it was', () => {
  const table = {
    text: 'ü 🎱\u0000',
    empty: '',
    list: [1, null, [true, { deep: [0.5, -7] }], []],
    __proto__x: {},
    ['__proto__']: 1,
    ü: false,
  }
  assert.deepEqual(readTable(writeTable(table), 0)[0], table)
})

test('what no table has a form for is refused', () => {
  for (const value of [new Map(), new Date(), 2n ** 63n, 1e300, Symbol('x'), [[new Date()]]]) {
    assert.throws(() => writeTable({ value }), FieldTableError)
  }
  let deep: unknown = 1
  for (let level = 0; level < 10_000; level++) deep = [deep]
  assert.throws(() => writeTable({ deep }), FieldTableError)
  assert.throws(() => writeTable({ ['k'.repeat(256)]: 1 }), FieldTableError)
})

test('a table may be as large as it is', () => {
  for (const table of [
    { text: 'x'.repeat(300_000) },
    Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key-${n}`, true])),
    { list: Array.from({ length: 131_072 }, () => null) },
  ]) {
    assert.deepEqual(readTable(writeTable(table), 0)[0], table)
  }
})

const SIZES: Readonly<Record<string, number>> = { b: 1, s: 2, U: 2, I: 4, l: 8, L: 8 }
