import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { Carom } from '../../src/app/app.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { bodyOf, createApp, memoryUrl, openDesk } from './desk.ts'

const folder = mkdtempSync(join(tmpdir(), 'carom-app-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('an app opens its store at the first use, not before', async (t) => {
  const file = join(folder, 'first-use.sqlite')
  const app = createApp(t, { broker: `embedded:${file}` })
  const task = app.task('shop.t', () => 1)
  assert.equal(existsSync(file), false)
  await task.delay()
  assert.equal(existsSync(file), true)
})

test('concurrent first uses of an app share one store, and nothing is lost', async (t) => {
  const url = `embedded:${join(folder, 'concurrent.sqlite')}?durability=process`
  const task = createApp(t, { broker: url }).task('shop.t', (n: number) => n)
  const numbers = Array.from({ length: 20 }, (_, index) => index)
  const results = await Promise.all(numbers.map((n) => task.delay(n)))
  assert.equal(new Set(results.map(({ id }) => id)).size, 20)
  const store = await openBroker(url, { appName: 'shop' })
  t.after(() => store.close())
  assert.deepEqual(await store.depths(), [{ queue: 'shop', waiting: 20, delayed: 0, claimed: 0 }])
})

test('a store that could not be opened is tried again at the next use', async (t) => {
  const parent = join(folder, 'not-yet-a-folder')
  writeFileSync(parent, 'a file stands in the way')
  const task = createApp(t, { broker: `embedded:${join(parent, 'shop.sqlite')}` }).task('shop.t', () => 1)
  await assert.rejects(task.delay(), (error) => isCaromError(error) && error.code.startsWith('CAROM_STORE_'))
  rmSync(parent)
  mkdirSync(parent)
  await task.delay()
})

test('URLs come from the constructor, else from the environment of the moment of the first use', async (t) => {
  const [inline, named] = [memoryUrl(), memoryUrl()]
  t.after(() => {
    delete process.env.CAROM_BROKER_URL
    delete process.env.CAROM_RESULT_BACKEND
  })
  const fromEnvironment = new Carom('shop')
  const fromCode = createApp(t, { broker: inline })
  process.env.CAROM_BROKER_URL = named
  const desk = await openDesk(t, named)
  const inlineDesk = await openDesk(t, inline)

  const sent = await fromEnvironment.task('shop.t', (n: number) => n).delay(1)
  await fromCode.task('shop.t', (n: number) => n).delay(2)

  const delivery = await desk.next()
  assert.deepEqual(bodyOf(delivery).args, [1])
  assert.deepEqual(bodyOf(await inlineDesk.next()).args, [2])
  await desk.succeed(delivery, 'here too')
  assert.equal(await sent.get({ timeoutMs: 2_000 }), 'here too', 'results live in the store of the broker')
  await fromEnvironment.close()
})

test('a result backend of its own is used for results, and for nothing else', async (t) => {
  const [broker, resultBackend] = [memoryUrl(), memoryUrl()]
  const app = createApp(t, { broker, resultBackend })
  const task = app.task('shop.t', () => 1)
  const desk = await openDesk(t, broker)
  const sent = await task.delay()
  await desk.succeed(await desk.next(), 1)
  assert.equal(await sent.state(), 'PENDING', 'the broker is not asked for results')
})

test('app.close() waits for what is being sent, is one close however often, and ends sending', async (t) => {
  const url = memoryUrl()
  const desk = await openDesk(t, url)
  const app = new Carom('shop', { broker: url })
  const add = app.task('shop.add', (a: number, b: number) => a + b)
  const sending = add.delay(1, 2)
  const closing = app.close()
  assert.equal(app.close(), closing)
  const sent = await sending
  await closing
  assert.equal((await desk.next()).message.headers.id, sent.id)
  const closed = { code: 'CAROM_APP_CLOSED', message: /App "shop" is closed: it sends nothing/ }
  await assert.rejects(add.delay(1, 2), closed)
  await assert.rejects(add.s(1, 2).delay(), closed)
  await assert.rejects(add.applyMany([[1, 2]]), closed)
  await assert.rejects(app.result('x').meta(), closed)
  assert.equal(add(1, 2), 3, 'the function is still a function')
})

test('app.close() waits for a call whose schema has not decided yet', async (t) => {
  const url = memoryUrl()
  const desk = await openDesk(t, url)
  const app = new Carom('shop', { broker: url })
  let decide = (_valid: boolean) => {}
  const decided = new Promise<boolean>((resolve) => {
    decide = resolve
  })
  const mail = app.task('mail.send', { input: z.object({ to: z.string().refine(() => decided) }) }, () => 1)
  const sending = mail.delay({ to: 'ada' })
  const order: string[] = []
  const closing = app.close().then(() => order.push('closed'))
  await setImmediate()
  decide(true)
  const sent = await sending
  order.push('sent')
  await closing
  assert.deepEqual(order, ['sent', 'closed'])
  assert.equal((await desk.next()).message.headers.id, sent.id)
})

test('closing an app that was never used opens nothing', async () => {
  const file = join(folder, 'unused.sqlite')
  await new Carom('shop', { broker: `embedded:${file}` }).close()
  assert.equal(existsSync(file), false)
})
