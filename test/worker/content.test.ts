/** What bodies are written in: read where it is listed, else set aside unread, and never the worker's trouble. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import type { Message } from '../../src/message/message.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { START } from './lab.ts'

const { app, echo, packed } = await import('./fixtures/content-tasks.ts')
const APP = fileURLToPath(new URL('./fixtures/content-tasks.js', import.meta.url))
const GET = { timeoutMs: 10_000 }
let worker: Worker
let broker: Broker

before(async () => {
  worker = await startWorker({ app: APP, ...START, concurrency: 1 })
  broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: 'content' })
})
after(async () => {
  await worker.stop('warm')
  await broker.close()
  await app.close()
})

async function publish(id: string, task: string, changes: (message: Message) => Partial<Message>): Promise<void> {
  const message = buildTaskMessage({ task, id, args: ['x'], kwargs: {} })
  await broker.publish([{ queue: 'content', message: { ...message, ...changes(message) } }])
}

function quarantined(id: string) {
  return until(async () => (await broker.quarantine.list()).find(({ taskId }) => taskId === id) ?? null, {
    what: `${id} is quarantined`,
  })
}

for (const serializer of ['json', 'msgpack', 'yaml'] as const) {
  for (const compression of ['none', 'gzip', 'brotli'] as const) {
    test(`a call in ${serializer}, compressed with ${compression}, arrives as it was sent`, async () => {
      for (const value of ['grüße', new Date(5), Uint8Array.of(0, 255), 2n ** 60n, null]) {
        const result = await echo.applyAsync([value], { serializer, compression })
        assert.deepEqual(await result.get(GET), value)
      }
    })
  }
}

test('a task says what its calls are written in, over the app', async () => {
  const at = new Date(7)
  assert.deepEqual(await (await packed.delay(at)).get(GET), at)
})

for (const [what, reason, changes] of [
  ['a pickle', /reading a pickle runs code of its sender/, { contentType: 'application/x-python-serialize' }],
  ['an unknown content type', /content-type "text\/x" is refused/, { contentType: 'text/x' }],
  ['an unknown encoding', /content-encoding "utf-16" is refused/, { contentEncoding: 'utf-16' }],
] as const) {
  test(`a message with ${what} is set aside unread, without a result`, async () => {
    const id = `refused ${what}`.replaceAll(' ', '-')
    await publish(id, 'content.echo', () => changes)
    assert.match((await quarantined(id)).reason, reason)
    assert.equal(await app.result(id).state(), 'PENDING')
    assert.equal(await (await echo.delay('still here')).get(GET), 'still here')
    assert.equal(await broker.quarantine.drop([id]), 1)
  })
}

test('a compression that is unknown is set aside unread', async () => {
  await publish('rot13', 'content.echo', ({ headers }) => ({
    headers: { ...headers, compression: 'application/x-rot13' },
  }))
  assert.match((await quarantined('rot13')).reason, /a method unknown here/)
  assert.equal(await broker.quarantine.drop(['rot13']), 1)
})

for (const [what, reason, changes] of [
  ['no JSON', /body is not JSON/, { body: Buffer.from('[[1') }],
  ['no msgpack', /body is not msgpack/, { contentType: 'application/x-msgpack', body: Uint8Array.of(0xc1) }],
  ['no YAML', /Unresolved tag/, { contentType: 'application/x-yaml', body: Buffer.from('!!python/none') }],
  ['a body of another shape', /expected an array/, { body: Buffer.from('[{},{},{}]') }],
] as const) {
  test(`a message that is ${what} fails for whoever waits, and is set aside as well`, async () => {
    const id = `unreadable ${what}`.replaceAll(' ', '-')
    await publish(id, 'content.echo', () => changes)
    await assert.rejects(app.result(id).get(GET), (error: Error) => {
      assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'))
      assert.match(error.message, reason)
      return true
    })
    assert.match((await quarantined(id)).reason, reason)
    assert.equal(await broker.quarantine.drop([id]), 1)
  })
}

test('a message that was acked before it could be read fails, and cannot be set aside any more', async () => {
  await publish('early', 'content.early', () => ({ body: Buffer.from('[[1') }))
  await assert.rejects(app.result('early').get(GET), (error) => isCaromError(error, 'CAROM_MESSAGE_INVALID'))
  assert.deepEqual(await broker.quarantine.list(), [])
})
