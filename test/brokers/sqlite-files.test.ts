/** What can be wrong with the file of an embedded store. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { openDatabase } from '../../src/brokers/sqlite/database.ts'
import { isCaromError } from '../../src/errors.ts'
import { folderFor, openerOf } from '../conformance/open.ts'
import { claimOne, consumerOf, outgoing } from '../conformance/store.ts'
import { start } from './store-processes.ts'

test('embedded store: missing folders are made, for this user alone, as is the file', async (t) => {
  const folder = await folderFor(t)
  const path = join(folder, 'deep', '.carom', 'shop.sqlite')
  const { broker } = await openerOf(t, `embedded:${path}`)()
  await broker.publish([outgoing()])
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  assert.equal(broker.store, `embedded:${path}`)
})

test('embedded store: a folder in the place of the file is refused', async (t) => {
  const path = await pathIn(t)
  mkdirSync(path)
  await refuses(path, 'CAROM_STORE_UNAVAILABLE')
})

test('embedded store: a file in the place of the folder is refused', async (t) => {
  const path = await pathIn(t)
  writeFileSync(path, '')
  await refuses(join(path, 'store.sqlite'), 'CAROM_STORE_UNAVAILABLE')
})

test('embedded store: a file that is no SQLite file is refused and left as it is', async (t) => {
  const path = await pathIn(t)
  const text = 'no database at all\n'.repeat(500)
  writeFileSync(path, text)
  await refuses(path, 'CAROM_STORE_CORRUPT')
  assert.equal(readFileSync(path, 'utf8'), text)
})

test('embedded store: a truncated file is refused', async (t) => {
  const path = await pathIn(t)
  // Others have written it: an open file in this process would still know its length.
  const writer = start(t, 'publish-threes', `embedded:${path}`)
  await writer.said(50)
  await writer.kill()
  assert.equal(await start(t, 'checkpoint', `embedded:${path}`).ended(), 0)
  truncateSync(path, Math.floor(statSync(path).size / 2))
  await refuses(path, 'CAROM_STORE_CORRUPT')
})

test('embedded store: the database of another application is refused and left as it is', async (t) => {
  const path = await pathIn(t)
  const database = openDatabase(path)
  database.exec('CREATE TABLE cats (name TEXT)')
  database.close()
  const before = readFileSync(path)
  await refuses(path, 'CAROM_STORE_UNAVAILABLE', /another application/)
  assert.deepEqual(readFileSync(path), before)
})

test('embedded store: a newer schema is refused', async (t) => {
  const path = await pathIn(t)
  await (await openBroker(`embedded:${path}`, { appName: 'test' })).close()
  const database = openDatabase(path)
  database.exec('PRAGMA user_version = 1000')
  database.close()
  await refuses(path, 'CAROM_STORE_UNAVAILABLE', /its schema is 1000/)
})

test('embedded store: an older schema is brought up to date, with all that is in it', async (t) => {
  const path = await pathIn(t)
  const before = await openBroker(`embedded:${path}`, { appName: 'test' })
  await before.publish([outgoing({ id: 'kept' })])
  await before.close()
  const database = openDatabase(path)
  database.exec('DROP TABLE chord; DROP TABLE chord_part; DROP TABLE result_group; PRAGMA user_version = 1')
  database.close()
  const { broker, backend } = await openerOf(t, `embedded:${path}`)()
  assert.equal((await claimOne(await consumerOf(broker))).message.headers.id, 'kept')
  await backend.openChords([{ groupId: 'g', size: 1 }])
  await backend.saveGroup({ groupId: 'g', members: [] })
})

for (const what of ['file', 'folder', 'folder of a missing file', 'parent of a missing folder']) {
  test(`embedded store: a ${what} that may not be written is refused as such`, async (t) => {
    const folder = await folderFor(t)
    let path = join(folder, 'store.sqlite')
    if (!what.includes('missing')) {
      // Made by others, and all of it in the one file: it could then be opened for reading alone.
      assert.equal(await start(t, 'open', `embedded:${path}`).ended(), 0)
      assert.equal(await start(t, 'checkpoint', `embedded:${path}`).ended(), 0)
      for (const file of [`${path}-wal`, `${path}-shm`]) rmSync(file, { force: true })
    }
    if (what === 'parent of a missing folder') path = join(folder, 'deep', 'store.sqlite')
    if (what === 'folder') chmodSync(path, 0o666)
    if (what === 'file') chmodSync(path, 0o444)
    chmodSync(folder, what === 'file' ? 0o777 : 0o555)
    const other = start(t, 'open-unprivileged', `embedded:${path}`)
    assert.equal(await other.ended(), 0)
    assert.match(other.lines.join('\n'), /^CAROM_STORE_READ_ONLY The store .*store\.sqlite .*write permission/)
    chmodSync(folder, 0o700)
  })
}

for (const how of ['deleted', 'replaced']) {
  test(`embedded store: waits and calls reject once the file is ${how} while it is open`, async (t) => {
    const path = await pathIn(t)
    const { broker, backend } = await openerOf(t, `embedded:${path}`)()
    const { signal } = new AbortController()
    const consumer = await consumerOf(broker)
    const waiting = [consumer.claim(1, { signal }), backend.wait('a', { signal })]
    const rejected = waiting.map((wait) => assert.rejects(wait, isGone))
    await broker.depths()
    if (how === 'deleted') rmSync(path)
    else {
      writeFileSync(`${path}.new`, '')
      renameSync(`${path}.new`, path)
    }
    const goneMs = performance.now()
    await Promise.all(rejected)
    assert.ok(performance.now() - goneMs < 3_000, 'it was noticed too late')
    await assert.rejects(broker.publish([outgoing()]), isGone)
    await assert.rejects(backend.load(['a']), isGone)
  })
}

test('embedded store: a publish into a deleted file is not confirmed, and a new store can be opened', async (t) => {
  const path = await pathIn(t)
  const old = await openBroker(`embedded:${path}`, { appName: 'test' })
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file)
  await assert.rejects(old.publish([outgoing()]), isGone)
  const { broker } = await openerOf(t, `embedded:${path}`)()
  await broker.publish([outgoing()])
  assert.equal((await broker.depths())[0]?.waiting, 1)
  await old.close()
  await broker.publish([outgoing()])
  assert.equal((await broker.depths())[0]?.waiting, 2)
})

function isGone(error: unknown): boolean {
  return isCaromError(error, 'CAROM_STORE_GONE') && error.message.includes('restart this process')
}

async function pathIn(t: TestContext): Promise<string> {
  return join(await folderFor(t), 'store.sqlite')
}

/** The error names the file, and says after a colon what can be done. */
async function refuses(path: string, code: string, text = /./): Promise<void> {
  await assert.rejects(openBroker(`embedded:${path}`, { appName: 'test' }), (error) => {
    assert.ok(isCaromError(error))
    assert.equal(error.code, code)
    assert.ok(error.message.startsWith(`The store ${path} `), error.message)
    assert.match(error.message, /: (?:check|move|give|free) /)
    assert.match(error.message, text)
    return true
  })
}
