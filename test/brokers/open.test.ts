import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { embeddedPath, openBroker } from '../../src/brokers/open.ts'
import { acquireStore, releaseStore } from '../../src/brokers/sqlite/open-stores.ts'
import { parseStoreUrl } from '../../src/brokers/url.ts'
import { isCaromError } from '../../src/errors.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards, folderFor } from '../conformance/open.ts'

const at = { appName: 'shop', cwd: '/tmp', env: {} }

test('openBroker() opens the embedded store beside the nearest package.json when nothing is named', async (t) => {
  const project = await folderFor(t)
  const cwd = join(project, 'src', 'deep')
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{}')
  for (const url of [undefined, '', 'embedded:']) {
    const broker = await openBroker(url, { appName: 'shop', cwd, env: {} })
    afterwards(t, () => broker.close())
    assert.equal(broker.store, `embedded:${join(project, '.carom', 'shop.sqlite')}`)
  }
})

test('openBroker() and openBackend() of one URL are one store, whatever way the path is written', async (t) => {
  const cwd = await folderFor(t)
  const options = { appName: 'shop', cwd, env: {} }
  const broker = await openBroker('embedded:./a/../s.sqlite', options)
  const backend = await openBackend(`embedded:${cwd}/s.sqlite?durability=process`, options)
  afterwards(t, () => Promise.all([broker.close(), backend.close()]))
  assert.equal(broker.store, backend.store)
  const memory = await Promise.all([openBroker('memory:a', at), openBackend('memory:a', at), openBroker('memory:', at)])
  afterwards(t, () => Promise.all(memory.map((opened) => opened.close())))
  assert.deepEqual(
    memory.map(({ store }) => store),
    ['memory:a', 'memory:a', 'memory:'],
  )
})

test('the users of one embedded store in a process share it, and it closes with the last of them', async (t) => {
  const path = join(await folderFor(t), 's.sqlite')
  const [first, second] = await Promise.all([1, 2].map(() => acquireStore({ path, durability: 'process' })))
  assert.ok(first && second)
  assert.equal(first, second)
  await releaseStore(first)
  assert.equal(await second.read(() => 'open'), 'open')
  await releaseStore(second)
  await assert.rejects(
    first.read(() => 'open'),
    { code: 'CAROM_STORE_CLOSED' },
  )
  const third = await acquireStore({ path, durability: 'machine' })
  assert.notEqual(third, first)
  await releaseStore(third)
})

test('a memory store ends with its last user', async () => {
  const { message } = {
    message: {
      headers: { task: 't', id: 'a' },
      properties: {},
      contentType: '',
      contentEncoding: '',
      body: new Uint8Array(),
    },
  }
  const first = await openBroker('memory:ends', at)
  const second = await openBroker('memory:ends', at)
  await first.publish([{ queue: 'q', message }])
  await first.close()
  assert.equal((await second.depths()).length, 1)
  await second.close()
  const third = await openBroker('memory:ends', at)
  assert.deepEqual(await third.depths(), [])
  await third.close()
})

test('openBroker() refuses to guess a store in production, and opens one that is named', async (t) => {
  const env = { NODE_ENV: 'production' }
  for (const open of [openBroker, openBackend]) {
    await assert.rejects(open(undefined, { ...at, env }), (error) => {
      return isCaromError(error, 'CAROM_EMBEDDED_REFUSED') && /CAROM_BROKER_URL.*"embedded:"/.test(error.message)
    })
  }
  const cwd = await folderFor(t)
  const broker = await openBroker('embedded:', { appName: 'shop', cwd, env })
  await broker.close()
})

test('a URL that cannot be used is refused without showing what may be secret in it', () => {
  const urls = [
    'redis://user:hunter2@host/zero',
    'redis://user:hunter2@ho st/0',
    'redis://user:hunter2@host/0?hunter2=1',
    'redis://user:hunter2@host;redis://user:hunter3@host',
    'sentinel://:hunter2@host',
    'sqs://user:hunter2@host',
    'hunter2:x@host',
    'hunter2',
    'sqlite:hunter2',
    'embedded:x?hunter2=1',
    'embedded:x?durability=hunter2',
    'memory:x?hunter2',
  ]
  for (const url of urls) {
    assert.throws(
      () => parseStoreUrl(url, at),
      (error) => {
        return isCaromError(error, 'CAROM_URL_UNSUPPORTED') && !error.message.includes('hunter2')
      },
    )
  }
  assert.throws(() => parseStoreUrl('sqs://h', at), /"sqs:".*redis:.*embedded:.*memory:/)
})

test('a URL of the embedded store names path and durability', () => {
  const embedded = (path: string, durability: string) => ({
    type: 'embedded',
    path,
    durability,
    resultExpiresMs: 86_400_000,
  })
  assert.deepEqual(parseStoreUrl('embedded:/var/a b%20.sqlite', at), embedded('/var/a b%20.sqlite', 'machine'))
  assert.deepEqual(parseStoreUrl('EMBEDDED:a.sqlite?durability=process', at), embedded('/tmp/a.sqlite', 'process'))
  assert.deepEqual(
    parseStoreUrl('embedded:///var/a.sqlite?durability=machine', at),
    embedded('/var/a.sqlite', 'machine'),
  )
  assert.deepEqual(parseStoreUrl('embedded:?durability=process', at), embedded('/tmp/.carom/shop.sqlite', 'process'))
})

test('embeddedPath() makes one file name of each app name', () => {
  const nameOf = (appName: string) => basename(embeddedPath(appName, '/tmp'))
  assert.equal(nameOf('shop.v2_a-b'), 'shop.v2_a-b.sqlite')
  const odd = ['../../etc/x', 'a/b', 'a-b', 'a b', '..', '.', '', '.hidden', 'ü', 'x'.repeat(300), 'x'.repeat(301)]
  const names = odd.map(nameOf)
  assert.equal(new Set(names).size, odd.length)
  for (const name of names) assert.match(name, /^[\w-][\w.-]{0,120}\.sqlite$/)
})
