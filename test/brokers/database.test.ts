import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Database, openDatabase, resultCode, type SqlValue } from '../../src/brokers/sqlite/database.ts'
import { afterwards, folderFor } from '../conformance/open.ts'

test('Database keeps values as they are', async (t) => {
  const { database } = await databaseFor(t)
  const bytes = Uint8Array.from([0, 1, 255]).subarray(1)
  const values = [null, '', 'ünï 🎱', 0, -3, 1.5, 2 ** 53 - 1, bytes, new Uint8Array(0)]
  for (const value of values) assert.equal(database.run('INSERT INTO t (value) VALUES (?)', value), 1)
  const read = database.all<[SqlValue]>('SELECT value FROM t ORDER BY id').map(([value]) => value)
  const plain = (value: SqlValue) => (value instanceof Uint8Array ? [...value] : value)
  assert.deepEqual(read.map(plain), values.map(plain))
})

test('Database refuses a value that it cannot keep, and goes on', async (t) => {
  const { database } = await databaseFor(t)
  for (const value of [true, {}, () => 1, Symbol('x'), [1]]) {
    assert.throws(() => database.run('INSERT INTO t (value) VALUES (?)', value as unknown as SqlValue))
  }
  assert.deepEqual(database.all('SELECT count(*) FROM t'), [[0]])
})

test('Database gives all rows of a long result and leaves no transaction open', async (t) => {
  const { database, path } = await databaseFor(t)
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n'
  for (const count of [1, 99, 100, 101, 1_000]) assert.equal(database.all(numbers, count).length, count)
  assert.deepEqual(database.all('INSERT INTO t (value) VALUES (?) RETURNING id', 1), [[1]])
  const other = openDatabase(path)
  afterwards(t, () => other.close())
  assert.deepEqual(other.all('SELECT value FROM t'), [[1]])
})

test('Database counts the rows that a statement itself changed', async (t) => {
  const { database } = await databaseFor(t)
  database.exec('CREATE TABLE log (id INTEGER)')
  database.exec('CREATE TRIGGER gone AFTER DELETE ON t BEGIN INSERT INTO log VALUES (OLD.id), (OLD.id); END')
  database.exec('INSERT INTO t (value) VALUES (1), (2), (3)')
  assert.equal(database.run('DELETE FROM t WHERE value > ?', 1), 2)
  assert.equal(database.run('INSERT INTO t (id, value) VALUES (1, 5) ON CONFLICT (id) DO NOTHING'), 0)
  assert.equal(database.run('DELETE FROM t WHERE value > ?', 1), 0)
})

test('resultCode() tells the code of an error of SQLite, extended, and of no other', async (t) => {
  const { database, path } = await databaseFor(t)
  const codeOf = (action: () => unknown) => {
    try {
      action()
    } catch (error) {
      return resultCode(error)
    }
    return assert.fail('it did not throw')
  }
  database.exec('INSERT INTO t (id) VALUES (1)')
  assert.equal(
    codeOf(() => database.run('INSERT INTO t (id) VALUES (?)', 1)),
    1555,
  )
  assert.equal(
    codeOf(() => database.exec('SELEC')),
    1,
  )
  assert.equal(
    codeOf(() => openDatabase(join(path, 'x'))),
    14,
  )
  const other = openDatabase(path)
  afterwards(t, () => other.close())
  other.exec('BEGIN IMMEDIATE')
  assert.equal((codeOf(() => database.exec('BEGIN IMMEDIATE')) ?? 0) & 0xff, 5)
  assert.equal(resultCode(new Error('x')), null)
  assert.equal(resultCode(null), null)
})

async function databaseFor(t: TestContext): Promise<{ database: Database; path: string }> {
  const path = join(await folderFor(t), 'd.sqlite')
  const database = openDatabase(path)
  afterwards(t, () => database.close())
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, value)')
  return { database, path }
}
