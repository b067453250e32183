/** Messages of Celery's protocol v1, as Python sends them with task_protocol = 1, run by Carom. */
import assert from 'node:assert/strict'
import { until } from '../support/wait.ts'
import { expired, GET, ledger, type Mixed, on, runWorkflow, wrote } from './mixed-lab.ts'
import type { PythonClient } from './python.ts'

/** A client that sends them, started when it is first asked for. */
function clientOf(mixed: Mixed): () => PythonClient {
  let client: PythonClient | undefined
  return () => {
    client ??= mixed.pythonClient({ TASK_PROTOCOL: '1' })
    return client
  }
}

export function callsOfProtocolV1(mixed: Mixed): void {
  const python = clientOf(mixed)

  mixed.testOn(
    'Redis',
    'RabbitMQ shows no message without taking it',
    'what Python sends has no headers of a task',
    async () => {
      const client = mixed.server.client()
      try {
        await python().ask({ command: 'send', task: 'ts.add', args: [1, 1], options: { queue: 'nobody' } })
        const [envelope] = await client.lrange('nobody', 0, 0)
        assert.deepEqual(JSON.parse(envelope as string).headers, {})
      } finally {
        client.disconnect()
      }
    },
  )

  mixed.test('arguments by position and by name, odd values, compressed and large', async () => {
    const odd = { text: 'ü 🎱', list: [1, null, 2.5, 2n ** 60n, { deep: [true] }] }
    assert.deepEqual((await python().call('ts.echo', { args: [odd] })).value, odd)
    assert.deepEqual((await python().call('ts.named', { args: ['x'], kwargs: { b: 'y' } })).value, ['x', 'y'])
    const large = { args: ['x'.repeat(500_000)], options: { compression: 'gzip' } }
    assert.equal((await python().call('ts.length', large)).value, 500_000)
  })

  mixed.test('id, queue and retries are those of the message', async () => {
    const called = await python().call('ts.describe', { options: { task_id: 'v1-id', retries: 2 } })
    const { id, queue, retries } = called.value as Record<string, unknown>
    assert.deepEqual([called.id, id, queue, retries], ['v1-id', 'v1-id', 'ts', 2])
  })

  mixed.test('a countdown is kept, and what has expired is revoked', async () => {
    const sentMs = Date.now()
    const later = await python().call('ts.describe', { options: { countdown: 0.7 } })
    assert.ok((later.value as { at: number }).at >= sentMs + 700, 'it came early')
    const over = await python().call('ts.noted', { options: expired(mixed) })
    assert.deepEqual([over.state, over.error?.type], ['REVOKED', 'TaskRevokedError'])
  })

  mixed.test('errors, and tasks that ignore their result', async () => {
    const { error } = await python().call('ts.fails', { args: ['KeyError'] })
    assert.deepEqual(error, { type: 'KeyError', module: 'builtins', args: ['it was a KeyError'] })
    const id = await python().ask({ command: 'send', task: 'ts.quiet' })
    await until(() => ledger().some(({ taskId }) => taskId === id), { what: 'it ran' })
    assert.equal(((await python().ask({ command: 'state', id })) as { state: string }).state, 'PENDING')
  })
}

/** Their chains are links in each other. */
export function workflowsOfProtocolV1(mixed: Mixed): void {
  const python = clientOf(mixed)
  const run = () => runWorkflow({ python: python() })

  mixed.test('links, error links, groups and chords', async () => {
    const linked = on('py', 'add', [10], { task_id: 'v1-link' })
    assert.equal((await run()(on('ts', 'add', [1, 1], { link: [linked] }))).value, 2)
    assert.equal(await mixed.carom.app.result('v1-link').get(GET), 12)
    const failed = await run()(on('ts', 'fails', ['TypeError'], { link_error: [on('py', 'errback')] }))
    await wrote(`ERRBACK-${failed.id}`)
    assert.deepEqual((await run()(['group', on('ts', 'add', [1, 1]), on('py', 'add', [2, 2])])).value, [2, 4])
    const header = [on('ts', 'add', [1, 1]), on('py', 'add', [2, 2]), on('ts', 'add', [3, 3])]
    assert.equal((await run()(['chord', header, on('ts', 'sum')])).value, 12)
  })

  mixed.test('a chain of protocol v1, whose steps are links in each other', async () => {
    const called = await run()(['chain', on('ts', 'add', [1, 1]), on('py', 'add', [10]), on('ts', 'add', [100])])
    assert.equal(called.value, 112, JSON.stringify(called))
  })
}
