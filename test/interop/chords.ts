/** Chords from Python: header and body on either side, and joined by whichever part ends last. */
import assert from 'node:assert/strict'
import { until } from '../support/wait.ts'
import { expired, ledger, type Mixed, on, runWorkflow, wrote } from './mixed-lab.ts'

/** Members that give 1, 2, 3, ... */
function members(...places: readonly ('py' | 'ts')[]): unknown[] {
  return places.map((who, index) => on(who, 'add', [index, 1]))
}

export function chords(mixed: Mixed): void {
  const run = runWorkflow(mixed)

  for (const [header, body] of [
    [['ts', 'ts', 'ts'], 'ts'],
    [['ts', 'ts', 'ts'], 'py'],
    [['py', 'py', 'py'], 'ts'],
    [['py', 'ts', 'py', 'ts', 'ts', 'py'], 'ts'],
    [['py', 'ts', 'py', 'ts', 'ts', 'py'], 'py'],
    [['ts'], 'py'],
  ] as const) {
    mixed.test(`a chord with its header on ${header.join(', ')} and its body on ${body}`, async () => {
      const called = await run(['chord', members(...header), on(body, 'sum')])
      assert.equal(called.value, (header.length * (header.length + 1)) / 2, JSON.stringify(called))
    })
  }

  mixed.test('the body gets the values in the order of the header, whoever gave them first', async () => {
    const header = [
      ['chain', on('ts', 'noted', [0.3]), on('py', 'add', [0, 1], { immutable: true })],
      on('py', 'add', [0, 2]),
      on('ts', 'add', [0, 3]),
    ]
    const called = await run(['chord', header, on('ts', 'echo')])
    assert.deepEqual(called.value, [1, 2, 3])
  })

  mixed.test('a chord in a chain, with steps of both sides before and after it', async () => {
    const called = await run([
      'chain',
      on('ts', 'add', [1, 1]),
      ['group', on('py', 'add', [10]), on('ts', 'add', [20])],
      on('ts', 'sum'),
      on('py', 'add', [100]),
    ])
    assert.equal(called.value, 134, JSON.stringify(called))
  })

  mixed.test('a chord whose body is a chain, and a chord of chains', async () => {
    const body = ['chain', on('ts', 'sum'), on('py', 'add', [10]), on('ts', 'add', [100])]
    assert.equal((await run(['chord', members('py', 'ts'), body])).value, 113)
    const chains = ['ts', 'py'].map((who) => [
      'chain',
      on(who as 'ts', 'add', [1, 1]),
      on(who === 'ts' ? 'py' : 'ts', 'add', [5]),
    ])
    assert.equal((await run(['chord', chains, on('ts', 'sum')])).value, 14)
  })

  mixed.test('a chord of 60 parts on both sides runs its body once', async () => {
    const places = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'ts' : 'py')) as ('ts' | 'py')[]
    const body = on('ts', 'noted', [], { immutable: true, task_id: 'once' })
    assert.equal((await run(['chord', members(...places), body], { timeout: 20 })).value, 'ts')
    assert.equal(ledger().filter(({ taskId }) => taskId === 'once').length, 1)
  })

  for (const [failing, kind, body, type] of [
    ['ts', 'TypeError', 'ts', 'TypeError'],
    ['ts', 'TypeError', 'py', 'TypeError'],
    ['ts', 'coded', 'py', 'CardError'],
    ['py', 'value', 'ts', 'ValueError'],
  ] as const) {
    mixed.test(
      `a part that fails on ${failing} (${kind}) makes the chord with its body on ${body} a ChordError in Python`,
      async () => {
        const part = `part-${failing}-${kind}-${body}`
        const header = [...members('ts', 'py'), on(failing, 'fails', [kind], { task_id: part })]
        const errback = [on('py', 'errback'), on('ts', 'errback')]
        const called = await run(['chord', header, on(body, 'sum', [], { link_error: errback })])
        assert.equal(called.state, 'FAILURE')
        assert.deepEqual([called.error?.type, called.error?.module], ['ChordError', 'celery.exceptions'])
        assert.match(called.error?.args[0] ?? '', new RegExp(`^Dependency ${part} raised .*${type}`))
        // The error links of a chord are called with the id of its body.
        const lines = await wrote(`ERRBACK-${called.id}`, 2)
        assert.deepEqual(new Set(lines.map(({ who }) => who)), new Set(['py', 'ts']))
      },
    )
  }

  mixed.test('a part on Carom that expires is a part that failed', async () => {
    const header = [...members('ts', 'py'), on('ts', 'add', [1, 1], expired(mixed))]
    const called = await run(['chord', header, on('py', 'sum')])
    assert.equal(called.error?.type, 'ChordError')
    assert.match(called.error?.args[0] ?? '', /TaskRevokedError/)
  })

  mixed.test('groups in a header, a chord in a header, and a body that is a group', async () => {
    const nested = [on('ts', 'add', [1, 0]), ['group', on('py', 'add', [2, 0]), on('ts', 'add', [3, 0])]]
    const flat = ((await run(['chord', nested, on('ts', 'echo')])).value as unknown[]).flat(3)
    assert.deepEqual(flat.sort(), [1, 2, 3])
    const inner = ['chord', members('ts', 'py'), on('ts', 'sum')]
    assert.equal((await run(['chord', [inner, on('py', 'add', [10, 0])], on('py', 'sum')])).value, 13)
    const bodies = ['group', on('ts', 'sum'), on('py', 'sum')]
    const [header, then] = [['group', ...members('py', 'ts')], bodies]
    assert.deepEqual((await run(['chain', header, then])).value, [3, 3])
  })

  mixed.test('a part that Python retries is counted once, when it has ended', async () => {
    const header = [on('ts', 'add', [1, 1]), on('py', 'retries', [2]), on('ts', 'add', [2, 2])]
    assert.deepEqual((await run(['chord', header, on('ts', 'echo')])).value, [2, 2, 4])
  })

  mixed.test('a part on Carom whose child dies again and again is a part that failed', async () => {
    const called = await run(['chord', [on('py', 'add', [1, 1]), on('ts', 'dies')], on('py', 'sum')])
    assert.deepEqual([called.state, called.error?.type], ['FAILURE', 'ChordError'])
    assert.match(called.error?.args[0] ?? '', /WorkerLostError/)
  })

  mixed.test('a chord in a chain ends the steps behind it when a part fails', async () => {
    const header = ['group', on('ts', 'add', [1]), on('ts', 'fails', ['TypeError'], { immutable: true })]
    const steps = [on('py', 'add', [1, 1]), header, on('py', 'sum'), on('ts', 'add', [1])]
    const called = await run(['chain', ...steps])
    assert.deepEqual([called.state, called.error?.type], ['FAILURE', 'ChordError'])
  })

  mixed.test(
    'of a chord that was joined nothing is left in Redis but what Carom noted of a Python join, and that expires',
    async () => {
      const client = mixed.server.client()
      try {
        const before = new Set(await client.keys('celery-taskset-meta-*'))
        await run(['chord', members('ts', 'ts', 'py'), on('py', 'sum')])
        await run(['chord', members('py', 'ts'), on('ts', 'sum')])
        const left = async () => (await client.keys('celery-taskset-meta-*')).filter((key) => !before.has(key))
        const isNoted = (key: string) => key.endsWith('.carom')
        // Whoever joins a chord sends its body first, and deletes what it has joined then.
        await until(async () => (await left()).every(isNoted), { what: "Celery's own keys are gone" })
        for (const key of await left()) {
          const seconds = await client.ttl(key)
          assert.ok(seconds > 0 && seconds <= 86_400, `${key} lives for ${seconds} s`)
        }
      } finally {
        client.disconnect()
      }
    },
  )
}
