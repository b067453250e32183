/** Several processes on one file. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { afterwards, folderFor, openerOf } from '../conformance/open.ts'
import { acked, claimCount, claimOne, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { until } from '../support/wait.ts'
import { PROGRAM, start } from './store-processes.ts'

test('embedded broker: a message that another process publishes wakes a waiting claim at once', async (t) => {
  const { url, open } = await storeIn(t)
  const { broker } = await open()
  const consumer = await consumerOf(broker)
  const other = start(t, 'publish', url)
  await other.said(1)
  const latencies: number[] = []
  for (let number = 0; number < 20; number++) {
    const claiming = claimOne(consumer)
    other.write(String(number))
    // From the confirmation on: what came before is that process at work.
    await other.said(number + 2)
    const confirmedMs = performance.now()
    const delivery = await claiming
    latencies.push(performance.now() - confirmedMs)
    assert.deepEqual(idsOf([delivery]), [String(number)])
    await consumer.settle([acked(delivery)])
  }
  // Half of a slow check: were it not woken, most would take longer than that.
  assert.ok(Math.max(...latencies) < 500, `the slowest took ${Math.max(...latencies)} ms`)
})

test('embedded result backend: a result that is stored here wakes who waits for it in another process', async (t) => {
  const { url, open } = await storeIn(t)
  const { backend } = await open()
  const other = start(t, 'wait', url, { argument: 'a' })
  await other.said(1)
  await backend.save([meta('b'), meta('a')])
  const savedMs = performance.now()
  await other.said(2)
  assert.ok(performance.now() - savedMs < 500, 'it was not woken')
  assert.deepEqual(other.lines, ['waiting', 'SUCCESS'])
  assert.equal(await other.ended(), 0)
})

test('embedded broker: processes that consume one file share its messages, none twice and none lost', async (t) => {
  const { url, open } = await storeIn(t)
  const { broker, backend } = await open()
  const others = [start(t, 'consume', url), start(t, 'consume', url)]
  for (const other of others) await other.said(1)
  const ids = Array.from({ length: 1_500 }, (_, index) => String(index))
  for (let from = 0; from < ids.length; from += 150) await broker.publish(numbered(ids.slice(from, from + 150)))
  await until(async () => (await broker.depths()).length === 0, { withinMs: 15_000, what: 'all are consumed' })
  for (const other of others) other.end()
  for (const other of others) assert.equal(await other.ended(), 0)
  const seen = others.flatMap(({ lines }) => lines.slice(1))
  assert.equal(seen.length, ids.length)
  assert.equal(new Set(seen).size, ids.length)
  assert.ok(
    others.every(({ lines }) => lines.length > 1),
    'one of them got nothing',
  )
  assert.equal((await backend.load(ids)).filter((found) => found?.status === 'SUCCESS').length, ids.length)
})

test('embedded store: many processes may create it at the same moment', async (t) => {
  const { url, open } = await storeIn(t)
  const others = [1, 2, 3, 4, 5].map((number) => start(t, 'open', url, { argument: `from ${number}` }))
  for (const other of others) assert.equal(await other.ended(15_000), 0)
  const { broker } = await open()
  const consumer = await consumerOf(broker)
  assert.equal(new Set(idsOf(await claimCount(consumer, 5))).size, 5)
})

test('embedded broker: what a killed producer had confirmed is there, and no half of a call', async (t) => {
  const { url, open } = await storeIn(t)
  const producer = start(t, 'publish-threes', url)
  await producer.said(40)
  await producer.kill()
  const confirmed = producer.lines.length
  const { broker } = await open()
  const [depth] = await broker.depths()
  const count = depth?.waiting ?? 0
  // One more may have been committed whose confirmation never came out.
  assert.ok(count / 3 >= confirmed && count / 3 <= confirmed + 1, `${confirmed} confirmed, ${count} messages there`)
  const ids = idsOf(await claimCount(await consumerOf(broker), count))
  const threes = Array.from({ length: count / 3 }, (_, number) => ['a', 'b', 'c'].map((part) => `${number}.${part}`))
  assert.deepEqual(ids, threes.flat())
})

test('embedded broker: the claims of a killed process are given back at once, long before their lease ends', async (t) => {
  const { url, open } = await storeIn(t)
  const { broker } = await open()
  await broker.publish(numbered([1, 2, 3]))
  const first = start(t, 'hold', url, { argument: '2' })
  await first.said(1)
  await first.kill()
  const startedMs = performance.now()
  const consumer = await consumerOf(broker)
  const deliveries = await claimCount(consumer, 3)
  assert.ok(performance.now() - startedMs < 500, 'a new consumer had to wait')
  assert.deepEqual(idsOf(deliveries), ['1', '2', '3'])
  assert.deepEqual(
    deliveries.map(({ counts }) => [counts.deliveries, counts.crashes]),
    [
      [2, 0],
      [2, 0],
      [1, 0],
    ],
  )
  await consumer.settle(deliveries.map((delivery) => acked(delivery)))

  await broker.publish([outgoing({ id: 'again' })])
  const second = start(t, 'hold', url, { argument: '1' })
  await second.said(1)
  const claiming = claimOne(consumer)
  await second.kill()
  const killedMs = performance.now()
  assert.deepEqual(idsOf([await claiming]), ['again'])
  assert.ok(performance.now() - killedMs < 3_000, 'who already waited had to wait for the lease')
})

test('embedded broker: a killed process that nobody has reaped counts as dead', { skip: notLinux() }, async (t) => {
  const { url, open } = await storeIn(t)
  const { broker } = await open()
  await broker.publish([outgoing({ id: 'a' })])
  // The shell becomes a program that never looks after its child.
  const shell = spawn('sh', ['-c', '"$0" "$@" & echo $!; exec sleep 60', process.execPath, PROGRAM, 'hold', url, '1'])
  afterwards(t, () => shell.kill('SIGKILL'))
  let output = ''
  shell.stdout.on('data', (chunk) => {
    output += chunk
  })
  await until(() => output.includes('held'), { what: 'the message is claimed' })
  const pid = Number.parseInt(output, 10)
  process.kill(pid, 'SIGKILL')
  await until(() => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '), { what: 'it is a zombie' })
  const startedMs = performance.now()
  assert.deepEqual(idsOf([await claimOne(await consumerOf(broker))]), ['a'])
  assert.ok(performance.now() - startedMs < 500, 'it was taken for alive')
})

test('embedded store: both SQLite libraries use one file at the same time', async (t) => {
  const node = otherNode()
  if (node === null) {
    t.skip('there is no second Node: npm run verify on Node 20 installs one')
    return
  }
  const { url, open } = await storeIn(t)
  const { broker, backend } = await open()
  const consumer = await consumerOf(broker)
  const publisher = start(t, 'publish', url, { node })
  await publisher.said(1)
  for (let number = 0; number < 50; number++) publisher.write(`theirs ${number}`)
  const theirs = await claimCount(consumer, 50)
  await publisher.said(51)
  assert.deepEqual(idsOf(theirs).sort(), publisher.lines.slice(1).sort())
  await consumer.settle(theirs.map((delivery) => acked(delivery)))
  await consumer.close()
  publisher.end()
  assert.equal(await publisher.ended(), 0)

  const worker = start(t, 'consume', url, { node })
  await worker.said(1)
  await broker.publish(numbered(Array.from({ length: 50 }, (_, number) => `ours ${number}`)))
  await worker.said(51)
  assert.equal((await backend.wait('ours 49', { signal: AbortSignal.timeout(5_000) })).status, 'SUCCESS')
  worker.end()
  assert.equal(await worker.ended(), 0)
})

async function storeIn(t: TestContext) {
  const url = `embedded:${join(await folderFor(t), 'store.sqlite')}`
  return { url, open: openerOf(t, url) }
}

/** A Node whose SQLite is the other library; `null` if there is none here. */
function otherNode(): string | null {
  if (process.getBuiltinModule?.('node:sqlite') !== undefined) return null
  return process.env.CAROM_TEST_OTHER_NODE ?? null
}

function notLinux(): string | false {
  return process.platform === 'linux' ? false : 'only Linux tells whether a process is a zombie'
}
