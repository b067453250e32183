/** Workflows from Python on RabbitMQ, whose steps run on either side; results are in a Redis beside it, as chords need it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { until } from '../support/wait.ts'
import { amqpCluster, skipAmqp } from './amqp-lab.ts'
import { GET, ledger, on, runWorkflow } from './mixed-lab.ts'
import type { Called } from './python.ts'

const options = { skip: skipAmqp, timeout: 30_000 }
const mixed = amqpCluster({ results: 'redis' })
const run = runWorkflow(mixed)

/** The lines of `event`, once there are `count` of them. */
async function wrote(event: string, count = 1): Promise<{ who: string; taskId: string }[]> {
  const lines = () => ledger().filter((line) => line.event === event)
  await until(() => lines().length >= count, { what: `${event} was written`, withinMs: 10_000 })
  return lines()
}

/** Members that give 1, 2, 3, ... */
function members(...places: readonly ('py' | 'ts')[]): unknown[] {
  return places.map((who, index) => on(who, 'add', [index, 1]))
}

test('plain calls go both ways, with results in Redis', options, async () => {
  assert.equal((await mixed.python.call('ts.add', { args: [2, 3] })).value, 5)
  assert.equal(await (await mixed.carom.python.add.delay(2, 3)).get(GET), 5)
})

for (const [from, to] of [
  ['ts', 'ts'],
  ['ts', 'py'],
  ['py', 'ts'],
] as const) {
  test(`link and error link of a task on ${from} run on ${to}`, options, async () => {
    const taskId = `link-${from}-${to}`
    const called = await run(on(from, 'add', [2, 3], { link: [on(to, 'add', [10], { task_id: taskId })] }))
    assert.equal(called.value, 5)
    assert.equal(await mixed.carom.app.result(taskId).get(GET), 15)
    const failed = await run(on(from, 'fails', ['value'], { link_error: [on(to, 'errback')] }))
    assert.equal(failed.state, 'FAILURE')
    const [line] = await wrote(`ERRBACK-${failed.id}`)
    assert.equal(line?.who, to)
  })
}

test('a link has a link of its own, and so on through both languages, compressed and late', options, async () => {
  const last = on('ts', 'add', [1000], { task_id: 'third-link', countdown: 0.2 })
  const second = on('py', 'add', [100], { link: [last], compression: 'gzip' })
  assert.equal((await run(on('ts', 'add', [1, 2], { link: [on('ts', 'add', [10], { link: [second] })] }))).value, 3)
  assert.equal(await mixed.carom.app.result('third-link').get(GET), 1113)
})

test('error links on either side run for one failure, links do not', options, async () => {
  const called = await run(
    on('ts', 'fails', ['TypeError'], {
      link: [on('py', 'add', [1], { task_id: 'never-linked' })],
      link_error: [on('py', 'errback'), on('ts', 'errback')],
    }),
  )
  assert.equal(called.error?.type, 'TypeError')
  const lines = await wrote(`ERRBACK-${called.id}`, 2)
  assert.deepEqual(new Set(lines.map(({ who }) => who)), new Set(['py', 'ts']))
  assert.equal(await mixed.carom.app.result('never-linked').state(), 'PENDING')
})

test('the error link of a Carom task that has expired, or died, runs on Python', options, async () => {
  // Waiting in the delayed delivery: what expires in its queue is dropped by RabbitMQ itself, with its error links.
  const late = { countdown: 0.9, expires: 0.6 }
  const expired = await run(on('ts', 'add', [1, 1], { ...late, link_error: [on('py', 'errback')] }))
  assert.equal(expired.state, 'REVOKED')
  await wrote(`ERRBACK-${expired.id}`)
  const died = await run(on('ts', 'dies', [], { link_error: [on('py', 'errback')] }))
  assert.equal(died.error?.type, 'WorkerLostError')
  await wrote(`ERRBACK-${died.id}`)
})

for (const places of [
  ['ts', 'py', 'ts'],
  ['py', 'ts', 'py'],
  ['py', 'ts', 'ts', 'py', 'py', 'ts'],
] as const) {
  test(`a chain of steps on ${places.join(', ')} hands its value on`, options, async () => {
    const [first, ...others] = places
    const steps = [on(first, 'add', [1, 1]), ...others.map((who, index) => on(who, 'add', [10 ** (index + 1)]))]
    const called = await run(['chain', ...steps])
    assert.equal(called.value, 2 + others.reduce((sum, _, index) => sum + 10 ** (index + 1), 0))
  })
}

test('the steps of a chain know their root, their parent and their limits across the languages', options, async () => {
  const called = await run([
    'chain',
    on('ts', 'add', [1, 1], { task_id: 'root' }),
    on('py', 'add', [1], { task_id: 'middle' }),
    on('ts', 'add', [1], { task_id: 'before-last' }),
    on('py', 'describe', [], { immutable: true, task_id: 'last', time_limit: 9, soft_time_limit: 8, priority: 7 }),
  ])
  const seen = called.value as Record<string, unknown>
  assert.deepEqual([seen.id, seen.parent_id, seen.root_id], ['last', 'before-last', 'root'])
  assert.deepEqual([seen.timelimit, seen.priority, seen.queue], [[9, 8], 7, 'py'])
})

for (const [failing, rest] of [
  ['ts', 'py'],
  ['py', 'ts'],
] as const) {
  test(`a chain that fails on ${failing} ends there: what waits for its end on ${rest} is told`, options, async () => {
    const ids = [`${failing}-${rest}-next`, `${failing}-${rest}-last`]
    const called = await run([
      'chain',
      on(failing, 'fails', [failing === 'ts' ? 'ValueError' : 'value'], { immutable: true }),
      on(rest, 'noted', [], { immutable: true, task_id: ids[0] }),
      on(rest, 'noted', [], { immutable: true, task_id: ids[1] }),
    ])
    assert.deepEqual([called.id, called.error?.type], [ids[1], 'ValueError'])
    assert.ok(!ledger().some(({ taskId }) => ids.includes(taskId)), 'a step ran')
  })
}

test('groups: of both sides, of chains, and at the end of a chain', options, async () => {
  const twelve = Array.from({ length: 12 }, (_, index) => on(index % 2 === 0 ? 'ts' : 'py', 'add', [index, 1]))
  assert.deepEqual(
    (await run(['group', ...twelve])).value,
    twelve.map((_, index) => index + 1),
  )
  const chains = (['ts', 'py'] as const).map((who) => [
    'chain',
    on(who, 'add', [1, 1]),
    on(who === 'ts' ? 'py' : 'ts', 'add', [10]),
  ])
  assert.deepEqual((await run(['group', ...chains])).value, [12, 12])
  const ends = ['chain', on('ts', 'add', [1, 1]), ['group', on('py', 'add', [1]), on('ts', 'add', [2])]]
  assert.deepEqual((await run(ends)).value, [3, 4])
})

for (const [header, body] of [
  [['ts', 'ts', 'ts'], 'py'],
  [['py', 'py', 'py'], 'ts'],
  [['py', 'ts', 'py', 'ts', 'ts', 'py'], 'ts'],
  [['py', 'ts', 'py', 'ts', 'ts', 'py'], 'py'],
] as const) {
  test(`a chord with its header on ${header.join(', ')} and its body on ${body}`, options, async () => {
    const called = await run(['chord', members(...header), on(body, 'sum')])
    assert.equal(called.value, (header.length * (header.length + 1)) / 2, JSON.stringify(called))
  })
}

test('a chord in a chain, with steps of both sides before and after it', options, async () => {
  const called = await run([
    'chain',
    on('ts', 'add', [1, 1]),
    ['group', on('py', 'add', [10]), on('ts', 'add', [20])],
    on('ts', 'sum'),
    on('py', 'add', [100]),
  ])
  assert.equal(called.value, 134, JSON.stringify(called))
})

test('a chord of 40 parts on both sides runs its body once', options, async () => {
  const places = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 'ts' : 'py')) as ('ts' | 'py')[]
  const body = on('ts', 'noted', [], { immutable: true, task_id: 'once' })
  assert.equal((await run(['chord', members(...places), body], { timeout: 20 })).value, 'ts')
  assert.equal(ledger().filter(({ taskId }) => taskId === 'once').length, 1)
})

for (const [failing, kind, body, type] of [
  ['ts', 'TypeError', 'py', 'TypeError'],
  ['py', 'value', 'ts', 'ValueError'],
] as const) {
  test(`a part that fails on ${failing} makes the chord with its body on ${body} a ChordError`, options, async () => {
    const part = `part-${failing}-${body}`
    const header = [...members('ts', 'py'), on(failing, 'fails', [kind], { task_id: part })]
    const { id } = await run(['chord', header, on(body, 'sum')])
    // Asked by its id: a result that knows its parents throws what they have failed of.
    const called = (await mixed.python.ask({ command: 'get', id })) as Called
    assert.deepEqual([called.state, called.error?.type], ['FAILURE', 'ChordError'])
    assert.match(called.error?.args[0] ?? '', new RegExp(`^Dependency ${part} raised .*${type}`))
  })
}

test('messages of protocol v1: links, error links, chains, groups and chords', options, async () => {
  const python = mixed.pythonClient({ TASK_PROTOCOL: '1' })
  const runV1 = runWorkflow({ python })
  const linked = on('py', 'add', [10], { task_id: 'v1-link' })
  assert.equal((await runV1(on('ts', 'add', [1, 1], { link: [linked] }))).value, 2)
  assert.equal(await mixed.carom.app.result('v1-link').get(GET), 12)
  const failed = await runV1(on('ts', 'fails', ['TypeError'], { link_error: [on('py', 'errback')] }))
  await wrote(`ERRBACK-${failed.id}`)
  const chain = ['chain', on('ts', 'add', [1, 1]), on('py', 'add', [10]), on('ts', 'add', [100])]
  assert.equal((await runV1(chain)).value, 112)
  assert.deepEqual((await runV1(['group', on('ts', 'add', [1, 1]), on('py', 'add', [2, 2])])).value, [2, 4])
  const header = [on('ts', 'add', [1, 1]), on('py', 'add', [2, 2]), on('ts', 'add', [3, 3])]
  assert.equal((await runV1(['chord', header, on('ts', 'sum')])).value, 12)
})
