/** Messages and children are strangers: what they say may hurt a child or a message, never the worker. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { APP, START } from './lab.ts'

const { app, add, asks } = await import('./fixtures/tasks.ts')
const GET = { timeoutMs: 10_000 }
let worker: Worker
let broker: Broker

before(async () => {
  worker = await startWorker({ app: APP, ...START, concurrency: 1 })
  broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: 'lab' })
})
after(async () => {
  // Also shows that nothing is left in hand.
  await worker.stop('warm')
  await broker.close()
  await app.close()
})

async function publish(id: string, headers: Readonly<Record<string, unknown>>): Promise<void> {
  const message = buildTaskMessage({ task: 'lab.add', id, args: [1, 2], kwargs: {} })
  await broker.publish([{ queue: 'lab', message: { ...message, headers: { ...message.headers, ...headers } } }])
}

for (const [name, headers] of [
  ['parent_id', { parent_id: 2n ** 70n }],
  ['group', { group: { of: [1] } }],
  ['ignore_result', { ignore_result: 'perhaps' }],
  ['expires', { expires: 'never' }],
  ['shadow', { shadow: ['x'] }],
] as const) {
  test(`a message whose header ${name} is of a wrong kind fails, and its failure is stored`, async () => {
    await publish(`wrong-${name}`, headers)
    await assert.rejects(app.result(`wrong-${name}`).get(GET), (error: Error) => {
      assert.ok(isCaromError(error, 'CAROM_MESSAGE_INVALID'))
      assert.match(error.message, new RegExp(`headers\\.${name} is`))
      return true
    })
  })
}

test('a message with a name or an id that nobody could have given is quarantined', async () => {
  await publish('no-id', { id: '' })
  await publish('long-name', { task: 'x'.repeat(2_000) })
  const ids = ['', 'long-name']
  const found = await until(
    async () => {
      const quarantined = (await broker.quarantine.list()).filter(({ taskId }) => ids.includes(taskId))
      return quarantined.length === ids.length ? quarantined : null
    },
    { what: 'both are quarantined' },
  )
  for (const { reason } of found) assert.match(reason, /^Not a task message/)
  assert.equal(await broker.quarantine.drop(ids), 2)
})

for (const [what, name, value, answer] of [
  ['no list', 'publish', { queue: 'lab' }, /a list of messages/],
  ['a message without a queue', 'publish', [{ message: {} }], /a queue name/],
  ['a message without headers', 'publish', [{ queue: 'lab', message: {} }], /headers/],
  ['a question that no worker answers', 'shutdown', null, /which no worker answers/],
] as const) {
  test(`a child that sends ${what} is refused, and its worker goes on`, async () => {
    assert.match(await (await asks.delay(name, value)).get(GET), answer)
    assert.equal(await (await add.delay(1, 2)).get(GET), 3)
  })
}
