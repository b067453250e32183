/** Whole scripts in a process of their own, which close nothing: what keeps them alive on RabbitMQ, and what does not. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { before, type TestContext, test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, claimOne, consumerOf, meta } from '../conformance/store.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 30_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

const CAROM = new URL('../../src/index.js', import.meta.url).href

test('a script that has sent a task ends by itself, and the task is there', limits, async (t) => {
  const { consumer, ended } = await start(t, `await add.delay(2, 3)`)
  assert.deepEqual(await ended, [0, ''])
  assert.equal((await claimOne(consumer)).message.headers.task, 'shop.add')
})

test('a script that waits for a result ends when it has it, not before', limits, async (t) => {
  const { consumer, ended } = await start(t, `console.log(await (await add.delay(2, 3)).get({ timeoutMs: 20_000 }))`)
  const delivery = await claimOne(consumer)
  // For as long as an idle connection would live: a heartbeat goes to and fro.
  assert.equal(await Promise.race([ended, consumer.claim(1, { signal: AbortSignal.timeout(1_500) })]).then(String), '')
  const { reply_to: to, correlation_id: correlationId } = delivery.message.properties
  const id = delivery.message.headers.id
  const result = meta(id, { reply: { to: to as string, correlationId: correlationId as string } })
  assert.deepEqual(await consumer.settle([acked(delivery, { result })]), ['settled'])
  assert.deepEqual(await ended, [0, '5\n'])
})

test('a script that gave up waiting ends by itself', limits, async (t) => {
  const wait = `await (await add.delay(2, 3)).get({ timeoutMs: 50 }).catch((error) => console.log(error.code))`
  const { ended } = await start(t, wait)
  assert.deepEqual(await ended, [0, 'CAROM_RESULT_TIMEOUT\n'])
})

/** @returns the code with which the script ended, and what it wrote. */
async function start(t: TestContext, script: string) {
  const server = await rabbit()
  const url = `${server.url(await server.vhost())}?heartbeat=1`
  const broker = await openBroker(url, { appName: 'shop' })
  afterwards(t, () => broker.close())
  const consumer = await consumerOf(broker)
  const source = `import { Carom } from '${CAROM}'
    const app = new Carom('shop', { broker: '${url}' })
    const add = app.remoteTask('shop.add', { queue: 'q' })
    ${script}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (text) => (said += text))
  const ended = once(child, 'close').then(([code]) => [code, said])
  return { consumer, ended }
}
