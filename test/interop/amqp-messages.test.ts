/** What calls between Python's Celery and Carom carry on one RabbitMQ, both ways; results go to whoever sent the task. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError, TaskError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import { amqpCluster, skipAmqp } from './amqp-lab.ts'
import { GET, ledger } from './mixed-lab.ts'

const options = { skip: skipAmqp, timeout: 30_000 }
const mixed = amqpCluster({ results: 'rpc' })
const LARGE = 1024 * 1024
const VALUES: readonly (readonly [string, unknown])[] = [
  ['text beyond ASCII', 'ü "quoted" 🎱 \u2028 \u0000 </script>'],
  ['integers of 60 and of 200 bits', [2n ** 60n, -(2n ** 200n)]],
  ['NaN and infinities', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ['numbers', [0, -1, 0.1, 1e21, 5e-324, 1.7976931348623157e308]],
  ['nothing, in all its places', [null, [], {}, '', [[]], { '': null }]],
  ['odd keys', { __proto__x: 1, constructor: 2, 'a b': 3, ü: 4 }],
]

for (const [what, value] of VALUES) {
  test(`${what}: to a Carom task and back to Python, to a Python task and back to Carom`, options, async () => {
    assert.deepEqual((await mixed.python.call('ts.echo', { args: [value] })).value, value)
    const result = await mixed.carom.python.echo.delay(value)
    assert.deepEqual(await result.get(GET), [[value], {}])
  })
}

test('a megabyte of arguments and of a result goes both ways', options, async () => {
  const text = 'ü'.repeat(LARGE / 2)
  assert.equal((await mixed.python.call('ts.length', { args: [text] })).value, text.length)
  assert.equal((await mixed.python.call('ts.echo', { args: [text] })).value, text)
  assert.equal(await (await mixed.carom.python.length.delay(text)).get(GET), text.length)
  assert.deepEqual(await (await mixed.carom.python.echo.delay(text)).get(GET), [[text], {}])
})

test('arguments by name go both ways, and a body that Carom compressed is read by Python', options, async () => {
  assert.deepEqual((await mixed.python.call('ts.named', { args: ['x'], kwargs: { b: 'ü' } })).value, ['x', 'ü'])
  const named = await mixed.carom.python.echo.applyAsync([], { kwargs: { text: 'ü', list: [1, null] } })
  assert.deepEqual(await named.get(GET), [[], { text: 'ü', list: [1, null] }])
  const text = 'compressible '.repeat(10_000)
  const packed = await mixed.carom.python.length.applyAsync([text], { compression: 'gzip' })
  assert.equal(await packed.get(GET), text.length)
})

test('headers of the caller arrive, both ways', options, async () => {
  const custom = { text: 'ü 🎱', list: [1, null, [true]], deep: { yes: true, half: 0.5 }, less: -1, more: 2 ** 40 }
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

test('a body that Carom does not read is set aside with the reason, and the next is run', options, async (t) => {
  const asked = { command: 'send', task: 'ts.length', args: ['x'], options: { compression: 'bzip2' } }
  const id = await mixed.python.ask(asked)
  const broker = await openBroker(process.env.CAROM_BROKER_URL as string, { appName: 'mixed' })
  t.after(() => broker.close())
  const found = async () => (await broker.quarantine.list()).find(({ taskId }) => taskId === id)
  assert.match((await until(found, { what: 'it is set aside' })).reason, /compression/)
  assert.equal((await mixed.python.call('ts.add', { args: [2, 3] })).value, 5)
})

test('messages of protocol v1: arguments, id, retries, countdown, expiry and errors', options, async () => {
  const python = mixed.pythonClient({ TASK_PROTOCOL: '1' })
  const odd = { text: 'ü 🎱', list: [1, null, 2.5, 2n ** 60n, { deep: [true] }] }
  assert.deepEqual((await python.call('ts.echo', { args: [odd] })).value, odd)
  assert.deepEqual((await python.call('ts.named', { args: ['x'], kwargs: { b: 'y' } })).value, ['x', 'y'])
  const sentMs = Date.now()
  const later = await python.call('ts.describe', { options: { task_id: 'v1-id', retries: 2, countdown: 0.7 } })
  const { id, queue, retries, at } = later.value as Record<string, unknown>
  assert.deepEqual([later.id, id, queue, retries], ['v1-id', 'v1-id', 'ts', 2])
  assert.ok((at as number) >= sentMs + 700, 'it came early')
  const expired = await python.call('ts.noted', { options: { countdown: 0.9, expires: 0.6 } })
  assert.deepEqual([expired.state, expired.error?.type], ['REVOKED', 'TaskRevokedError'])
  const { error } = await python.call('ts.fails', { args: ['KeyError'] })
  assert.deepEqual(error, { type: 'KeyError', module: 'builtins', args: ['it was a KeyError'] })
})

for (const [kind, type, module, message] of [
  ['ValueError', 'ValueError', 'builtins', /^it was a ValueError$/],
  ['ZeroDivisionError', 'ZeroDivisionError', 'builtins', /^it was a ZeroDivisionError$/],
  ['MaxRetriesExceededError', 'MaxRetriesExceededError', 'celery.exceptions', /^it was a Max/],
  ['SystemExit', 'SystemExit', 'celery.exceptions', /^it was a SystemExit$/],
  ['coded', 'CardError', 'celery.exceptions', /^card declined$/],
  ['aggregate', 'AggregateError', 'celery.exceptions', /^several$/],
  ['cause', 'TypeError', 'builtins', /^outer$/],
  ['long', 'RangeError', 'celery.exceptions', /^x{16000,}…$/],
  ['null', 'NonErrorThrown', 'celery.exceptions', /null/],
  ['surrogate', 'Error', 'celery.exceptions', /^half /],
] as const) {
  test(`what a Carom task throws (${kind}) is raised in Python`, options, async () => {
    const { state, error, traceback } = await mixed.python.call('ts.fails', { args: [kind] })
    assert.deepEqual([state, error?.type, error?.module, error?.args.length], ['FAILURE', type, module, 1])
    assert.match(error?.args[0] ?? '', message)
    if (kind !== 'null') assert.match(traceback ?? '', /^\S/)
  })
}

for (const [what, task, type, message] of [
  ['a result that is no data', 'ts.gives', 'CaromError', /cannot be stored/],
  ['a child that was killed, again and again', 'ts.dies', 'WorkerLostError', /crash 2 of 2/],
] as const) {
  test(`${what} is a failure that Python raises`, options, async () => {
    const { error } = await mixed.python.call(task, { timeout: 20 })
    assert.equal(error?.type, type)
    assert.match(error?.args[0] ?? '', message)
  })
}

for (const [kind, name, message, module] of [
  ['value', 'ValueError', /^bad value, 42$/, 'builtins'],
  ['key', 'KeyError', /^missing$/, 'builtins'],
  ['silent', 'RuntimeError', /^$/, 'builtins'],
  ['own', 'OutOfStock', /^no more, 42$/, 'mixed'],
  ['object', 'OutOfStock', /<class 'object'>/, 'mixed'],
  ['unicode', 'RuntimeError', /^ü 🎱 \u2028 \0$/, 'builtins'],
  ['long', 'RuntimeError', /^x{16000,}…$/, 'builtins'],
] as const) {
  test(`a Python task that raises (${kind}) is a TaskError in Carom`, options, async () => {
    const result = await mixed.carom.python.fails.delay(kind)
    await assert.rejects(result.get(GET), (error: unknown) => {
      assert.ok(error instanceof TaskError && isCaromError(error, 'CAROM_TASK_FAILED'))
      assert.deepEqual([error.name, error.remoteModule], [name, module])
      assert.match(error.message, message)
      assert.match(error.stack ?? '', /Traceback \(most recent call last\)/)
      return true
    })
    assert.equal(await result.state(), 'FAILURE')
  })
}

test('a task that no Python worker knows fails as NotRegistered', options, async () => {
  const result = await mixed.carom.python.unknown.delay()
  await assert.rejects(result.get(GET), (error: unknown) => {
    assert.ok(error instanceof TaskError)
    assert.deepEqual([error.name, error.message], ['NotRegistered', 'py.noSuchTask'])
    return true
  })
})

test('a result that is ignored goes to nobody, whoever says so', options, async () => {
  const { python } = mixed.carom
  const ignored = await python.noted.applyAsync([], { ignoreResult: true })
  await assert.rejects(ignored.get(GET), (error: unknown) => isCaromError(error, 'CAROM_RESULT_IGNORED'))
  const quiet = await python.quiet.delay()
  const sent = [
    (await mixed.python.ask({ command: 'send', task: 'ts.noted', options: { ignore_result: true } })) as string,
    (await mixed.python.ask({ command: 'send', task: 'ts.quiet' })) as string,
  ]
  const all = [ignored.id, quiet.id, ...sent]
  await until(() => all.every((id) => ledger().some(({ taskId }) => taskId === id)), { what: 'all have run' })
  // A reply of theirs would have come before those of the next calls.
  assert.equal(await (await python.add.delay(1, 1)).get(GET), 2)
  assert.equal(await quiet.state(), 'PENDING')
  assert.equal((await mixed.python.call('ts.add', { args: [1, 1] })).value, 2)
  for (const id of sent) {
    assert.equal(((await mixed.python.ask({ command: 'state', id })) as { state: string }).state, 'PENDING')
  }
})
