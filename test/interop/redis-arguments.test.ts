/** What calls carry between Python's Celery and Carom on one Redis, both ways. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import { GET, ledger, mixedCluster, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const mixed = mixedCluster()
const LARGE = 1024 * 1024
const VALUES: readonly (readonly [string, unknown])[] = [
  ['text beyond ASCII', 'ü "quoted" 🎱 \u2028 \u0000 </script>'],
  ['an integer of 60 bits', 2n ** 60n],
  ['an integer of 200 bits', -(2n ** 200n)],
  ['NaN and infinities', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ['numbers', [0, -1, 0.1, 1e21, 5e-324, 1.7976931348623157e308]],
  ['nothing, in all its places', [null, [], {}, '', [[]], { '': null }]],
  ['odd keys', { __proto__x: 1, constructor: 2, 'a b': 3, ü: 4 }],
]

for (const [what, value] of VALUES) {
  test(`Python sends ${what} to a Carom task, and reads it back`, options, async () => {
    assert.deepEqual((await mixed.python.call('ts.echo', { args: [value] })).value, value)
  })
  test(`Carom sends ${what} to a Python task, and reads it back`, options, async () => {
    const result = await mixed.carom.python.echo.delay(value)
    assert.deepEqual(await result.get(GET), [[value], {}])
  })
}

test(
  'a whole float from Python stays a number, and one from Carom arrives as an int: JavaScript has one kind',
  options,
  async () => {
    const asked = { command: 'call', task: 'ts.show', args: [2] }
    assert.equal(((await mixed.python.ask(asked)) as { value: string }).value, 'number 2')
    assert.equal(await (await mixed.carom.python.show.delay(2)).get(GET), '2')
    assert.equal(await (await mixed.carom.python.show.delay(2n ** 60n)).get(GET), '1152921504606846976')
  },
)

test(
  "dates and bytes from Carom are kombu's tags: objects to Celery 5.2, which reads none (5.3 does), and back",
  options,
  async () => {
    const at = new Date('2026-01-02T03:04:05.678Z')
    const shown = await (await mixed.carom.python.show.delay([at, Buffer.from([0, 255])])).get(GET)
    assert.match(
      shown,
      /^\[\{'__type__': 'datetime', '__value__': '2026-01-02T03:04:05\.678.*'\}, \{'__type__': 'base64'/,
    )
    const [[echoed]] = (await (await mixed.carom.python.echo.delay([at])).get(GET)) as [[unknown[]]]
    assert.deepEqual(echoed, [at])
  },
)

test('a date that Python 5.2 sends is text to Carom: so kombu writes it before 5.3', options, async () => {
  const value = await mixed.python.ask({ command: 'dates' })
  assert.equal(value, 'string 2026-01-02T03:04:05Z')
})

test('a megabyte of arguments and of a result goes both ways', options, async () => {
  const text = 'ü'.repeat(LARGE / 2)
  assert.equal((await mixed.python.call('ts.length', { args: [text] })).value, text.length)
  assert.equal((await mixed.python.call('ts.echo', { args: [text] })).value, text)
  assert.equal(await (await mixed.carom.python.length.delay(text)).get(GET), text.length)
  assert.deepEqual(await (await mixed.carom.python.echo.delay(text)).get(GET), [[text], {}])
})

test(
  'Python gives arguments of a Carom task by name where the task has argNames, and is told where it has none',
  options,
  async () => {
    assert.deepEqual((await mixed.python.call('ts.named', { kwargs: { a: 'x', b: 'y' } })).value, ['x', 'y'])
    assert.deepEqual((await mixed.python.call('ts.named', { args: ['x'], kwargs: { b: 'z' } })).value, ['x', 'z'])
    assert.deepEqual((await mixed.python.call('ts.named', { kwargs: { a: 'x' } })).value, ['x', 'b'])
    const refused = await mixed.python.call('ts.add', { kwargs: { x: 1, y: 2 } })
    assert.match(refused.error?.args[0] ?? '', /takes positional arguments and was given "x", "y" by name/)
    const unknown = await mixed.python.call('ts.named', { args: ['x'], kwargs: { c: 1 } })
    assert.match(unknown.error?.args[0] ?? '', /it has no argument "c"/)
  },
)

test('Carom gives arguments of a Python task by name', options, async () => {
  const result = await mixed.carom.python.echo.applyAsync([], { kwargs: { text: 'ü', list: [1, null] } })
  assert.deepEqual(await result.get(GET), [[], { text: 'ü', list: [1, null] }])
})

for (const compression of ['gzip', 'zlib'] as const) {
  test(`a body that Python compressed with ${compression} is run by Carom`, options, async () => {
    const asked = { args: ['compressible '.repeat(10_000)], options: { compression } }
    assert.equal((await mixed.python.call('ts.length', asked)).value, 130_000)
  })
}

test('a body in bzip2, which Carom does not read, is set aside with the reason', options, async () => {
  const id = await mixed.python.ask({
    command: 'send',
    task: 'ts.length',
    args: ['x'],
    options: { compression: 'bzip2' },
  })
  const broker = await openBroker(mixed.url, { appName: 'mixed' })
  try {
    const quarantined = await until(async () => (await broker.quarantine.list()).find(({ taskId }) => taskId === id), {
      what: 'it is set aside',
    })
    assert.match(quarantined.reason, /compression/)
  } finally {
    await broker.close()
  }
})

test('a body that Carom compressed with gzip is run by Python', options, async () => {
  const text = 'compressible '.repeat(10_000)
  const result = await mixed.carom.python.length.applyAsync([text], { compression: 'gzip' })
  assert.equal(await result.get(GET), text.length)
})

test('headers of the caller arrive, both ways', options, async () => {
  const custom = { text: 'ü', list: [1, null], deep: { yes: true } }
  const called = await mixed.python.call('ts.describe', { options: { headers: { custom } } })
  assert.deepEqual((called.value as { custom: unknown }).custom, custom)
  const result = await mixed.carom.python.describe.applyAsync([], { headers: { custom } })
  assert.deepEqual(((await result.get(GET)) as { custom: unknown }).custom, custom)
})

test('an id that the caller chose is the id, both ways', options, async () => {
  for (const taskId of ['order-17/ü', 'x'.repeat(200)]) {
    const called = await mixed.python.call('ts.describe', { options: { task_id: taskId } })
    assert.deepEqual([called.id, (called.value as { id: string }).id], [taskId, taskId])
  }
  const taskId = 'from-carom:17'
  const result = await mixed.carom.python.describe.applyAsync([], { taskId })
  const seen = (await result.get(GET)) as Record<string, unknown>
  assert.deepEqual([result.id, seen.id, seen.root_id, seen.correlation_id], [taskId, taskId, taskId, taskId])
})

test('a result that is ignored is not stored, whoever says so', options, async () => {
  const sent = [
    (await mixed.python.ask({ command: 'send', task: 'ts.noted', options: { ignore_result: true } })) as string,
    (await mixed.python.ask({ command: 'send', task: 'ts.quiet' })) as string,
    (await mixed.carom.python.quiet.delay()).id,
    (await mixed.carom.python.noted.applyAsync([], { ignoreResult: true })).id,
  ]
  assert.equal(await storedOf(sent), 0)
  const ignored = await mixed.carom.python.quiet.applyAsync([], { ignoreResult: true })
  await assert.rejects(ignored.get(GET), (error: unknown) => isCaromError(error, 'CAROM_RESULT_IGNORED'))
})

/** How many of these have a result, once all have run. */
async function storedOf(ids: readonly string[]): Promise<number> {
  await until(() => ids.every((id) => ledger().some(({ taskId }) => taskId === id)), { what: 'all have run' })
  // Each queue is worked off in order: a result of theirs would be there before those of the next calls.
  assert.equal((await mixed.python.call('ts.add', { args: [1, 1] })).value, 2)
  assert.equal(await (await mixed.carom.python.add.delay(1, 1)).get(GET), 2)
  const client = mixed.server.client()
  try {
    return await client.exists(ids.map((id) => `celery-task-meta-${id}`))
  } finally {
    client.disconnect()
  }
}
