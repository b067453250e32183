import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type Change, MAX_GROUP_ROWS, shortChange } from '../../src/brokers/sqlite/change.ts'
import { CommitQueue } from '../../src/brokers/sqlite/commit-queue.ts'
import { type Database, openDatabase } from '../../src/brokers/sqlite/database.ts'
import { afterwards, folderFor } from '../conformance/open.ts'

test('CommitQueue puts what is asked for in one turn into one commit, in order', async (t) => {
  const { queue, commits, values } = await queueFor(t)
  await Promise.all([1, 2, 3].map((value) => queue.run(insert(value))))
  assert.deepEqual(values(), [1, 2, 3])
  assert.equal(commits.length, 1)
  await turn()
  await queue.run(insert(4))
  assert.equal(commits.length, 2)
})

test('CommitQueue wakes for a commit in which some change says so', async (t) => {
  const { queue, commits } = await queueFor(t)
  await Promise.all([queue.run(insert(1)), queue.run(shortChange(() => 7, { wakes: (value) => value === 7 }))])
  await queue.run(insert(2))
  assert.deepEqual(commits, [true, false])
})

test('CommitQueue lets a change that throws take no other with it', async (t) => {
  const { queue, values } = await queueFor(t)
  const refused = shortChange(() => {
    throw new Error('no')
  })
  const outcomes = await Promise.allSettled(
    [insert(1), refused, insert(1), insert(2)].map((one) => queue.run<unknown>(one)),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(values(), [1, 2])
})

test('CommitQueue keeps nothing of a change that throws half-way', async (t) => {
  const { queue, values } = await queueFor(t)
  const half: Change<void> = {
    ...insert(1),
    *steps(database) {
      database.run('INSERT INTO t VALUES (8)')
      yield
      throw new Error('no')
    },
  }
  await assert.rejects(queue.run(half), /no/)
  assert.deepEqual(values(), [])
})

test('CommitQueue bounds a group by rows, and takes a larger change alone', async (t) => {
  const { queue, commits } = await queueFor(t)
  const sizes = [MAX_GROUP_ROWS, 1, MAX_GROUP_ROWS - 1, 1, 3 * MAX_GROUP_ROWS]
  await Promise.all(sizes.map((rows, index) => queue.run({ ...insert(index), rows })))
  assert.equal(commits.length, 4)
})

test('CommitQueue tries again while another connection holds the lock, and gives the loop its turns', async (t) => {
  const { queue, path, values } = await queueFor(t)
  const other = openDatabase(path)
  afterwards(t, () => other.close())
  other.exec('BEGIN IMMEDIATE')
  let done = false
  const running = queue.run(insert(1)).then(() => {
    done = true
  })
  for (let turns = 0; turns < 50; turns++) await turn()
  assert.equal(done, false)
  other.exec('COMMIT')
  await running
  assert.deepEqual(values(), [1])
})

test('CommitQueue refuses what could not be written within its time, and only that', async (t) => {
  const { queue, path, values } = await queueFor(t, { busyDeadlineMs: 50 })
  const other = openDatabase(path)
  afterwards(t, () => other.close())
  other.exec('BEGIN IMMEDIATE')
  await assert.rejects(queue.run(insert(1)), { code: 'CAROM_STORE_BUSY', path })
  const later = queue.run(insert(2))
  other.exec('COMMIT')
  await later
  assert.deepEqual(values(), [2])
})

test('CommitQueue runs a change of many steps over several turns, which readers wait for', async (t) => {
  const { queue, database } = await queueFor(t)
  let steps = 0
  const long: Change<void> = {
    ...insert(1),
    *steps() {
      database.run('INSERT INTO t VALUES (1)')
      for (; steps < 4; steps++) {
        const endMs = performance.now() + 10
        while (performance.now() < endMs);
        yield
      }
      database.run('DELETE FROM t')
    },
  }
  const running = queue.run(long)
  while (steps === 0) await turn()
  assert.ok(steps < 4, 'it was run in one turn')
  const [count] = database.all<[number]>('SELECT count(*) FROM t')
  assert.deepEqual(count, [1], 'the transaction has to be open still')
  await queue.betweenCommits()
  assert.deepEqual(database.all('SELECT count(*) FROM t'), [[0]])
  await running
})

test('CommitQueue gives up what waits with the reason it is abandoned for', async (t) => {
  const { queue, values } = await queueFor(t)
  const running = [queue.run(insert(1)), queue.run(insert(2))]
  const reason = new Error('gone')
  queue.abandon(reason)
  for (const one of running) await assert.rejects(one, reason)
  await queue.idle()
  await queue.run(insert(3))
  assert.deepEqual(values(), [3])
})

async function queueFor(t: TestContext, { busyDeadlineMs = 5_000 } = {}) {
  const path = join(await folderFor(t), 'queue.sqlite')
  const database: Database = openDatabase(path)
  afterwards(t, () => database.close())
  database.all('PRAGMA journal_mode = WAL')
  database.exec('CREATE TABLE t (value INTEGER PRIMARY KEY)')
  const commits: boolean[] = []
  const queue = new CommitQueue(database, {
    path,
    durability: 'machine',
    busyDeadlineMs,
    committed: (wakes) => commits.push(wakes),
    failed: () => {},
  })
  const values = () => database.all<[number]>('SELECT value FROM t ORDER BY value').map(([value]) => value)
  return { queue, path, database, commits, values }
}

function insert(value: number): Change<void> {
  return shortChange((database) => {
    database.run('INSERT INTO t VALUES (?)', value)
  })
}
