/** Sentinels that say which server is the master, before and after a failover. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards, folderFor } from '../conformance/open.ts'
import { acked, claimOne, consumerOf, outgoing } from '../conformance/store.ts'
import { spawnBound } from '../support/bound-process.ts'
import { freePort, noRedis, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'

const options = { skip: noRedis, timeout: 50_000 }

test('a failover is followed: the new master gets what is published, and consumers go on', options, async (t) => {
  const [master, replica] = [await startRedis(), await startRedis()]
  for (const server of [master, replica]) afterwards(t, () => server.remove())
  const look = replica.client()
  afterwards(t, () => look.disconnect())
  await look.replicaof('127.0.0.1', master.port)
  await until(async () => String(await look.info('replication')).includes('master_link_status:up'), {
    what: 'the replica follows',
    withinMs: 15_000,
  })
  const port = await startSentinel(t, master.port)
  const url = `sentinel://127.0.0.1:${port}/0?masterName=main&commandTimeoutMs=1000`
  const broker = await openBroker(url, { appName: 'test' })
  afterwards(t, () => broker.close())
  assert.equal(broker.store, `sentinel://127.0.0.1:${port}/0 (master main)`)
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'before' })])
  assert.equal((await claimOne(consumer)).message.headers.id, 'before')
  await master.kill()
  const publish = () =>
    broker.publish([outgoing({ id: 'after' })]).then(
      () => true,
      () => false,
    )
  await until(publish, { what: 'the new master takes messages', withinMs: 25_000 })
  const delivery = await claimOne(consumer)
  assert.equal(delivery.message.headers.id, 'after')
  assert.deepEqual(await consumer.settle([acked(delivery)]), ['settled'])
  assert.match(String(await look.info('replication')), /role:master/)
})

test('with several URLs the next server is tried when one is not there', options, async (t) => {
  const server = await startRedis()
  afterwards(t, () => server.remove())
  const nobody = await freePort()
  const broker = await openBroker(`redis://127.0.0.1:${nobody}/0;${server.url()}`, { appName: 'test' })
  afterwards(t, () => broker.close())
  await broker.publish([outgoing()])
  assert.equal((await broker.depths()).length, 1)
})

test("the sentinels' password is theirs, and the one in front of the host is the server's", options, async (t) => {
  const master = await startRedis(['--requirepass', 'sesame'])
  afterwards(t, () => master.remove())
  const port = await startSentinel(t, master.port, ['requirepass guard', 'sentinel auth-pass main sesame'])
  const url = (before: string, behind: string) =>
    `sentinel://${before}127.0.0.1:${port}/0?masterName=main&commandTimeoutMs=2000${behind}`
  const broker = await openBroker(url(':sesame@', '&sentinelPassword=guard'), { appName: 'test' })
  afterwards(t, () => broker.close())
  await broker.publish([outgoing({ id: 'a' })])
  const consumer = await consumerOf(broker)
  assert.equal((await claimOne(consumer)).message.headers.id, 'a')
  // As kombu: a password before the host is not shown to sentinels, nor is theirs to the server.
  const wrong = [url(':sesame@', ''), url(':guard@', '&sentinelPassword=guard'), url('', '&sentinelPassword=guard')]
  for (const each of [...wrong, url(':sesame@', '&sentinelPassword=hunter2')]) {
    await assert.rejects(openBroker(each, { appName: 'test' }), (error: Error) => {
      assert.match(error.message, /Check user and password/)
      assert.doesNotMatch(JSON.stringify([error, error.message, String(error.cause)]), /sesame|guard|hunter2/)
      return true
    })
  }
})

async function startSentinel(t: TestContext, masterPort: number, settings: readonly string[] = []): Promise<number> {
  const port = await freePort()
  const file = join(await folderFor(t), 'sentinel.conf')
  const rules = ['down-after-milliseconds main 500', 'failover-timeout main 3000'].map((rule) => `sentinel ${rule}`)
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
    ...rules,
    ...settings,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const child = spawnBound('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  afterwards(t, async () => {
    child.kill('SIGKILL')
    await exited
  })
  const { Redis } = await import('ioredis')
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2, enableReadyCheck: false })
  client.on('error', () => {})
  afterwards(t, () => client.disconnect())
  if (settings.length > 0) {
    await until(() => client.ping().catch((error: Error) => /NOAUTH/.test(error.message)), {
      what: 'the sentinel answers',
    })
    return port
  }
  const knows = async () => {
    const replicas = (await client.call('SENTINEL', 'replicas', 'main').catch(() => [])) as unknown[]
    return replicas.length === 1
  }
  // It asks the master for its replicas every ten seconds.
  await until(knows, { what: 'the sentinel knows the replica', withinMs: 20_000 })
  return port
}
