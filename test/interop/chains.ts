/** Chains and groups from Python, whose parts run on Carom, or on both. */
import assert from 'node:assert/strict'
import { GET, ledger, type Mixed, on, runWorkflow, wrote } from './mixed-lab.ts'

export function chains(mixed: Mixed): void {
  const run = runWorkflow(mixed)

  mixed.test('plain calls go both ways, with results in Redis', async () => {
    assert.equal((await mixed.python.call('ts.add', { args: [2, 3] })).value, 5)
    assert.equal(await (await mixed.carom.python.add.delay(2, 3)).get(GET), 5)
  })

  for (const places of [
    ['ts', 'ts', 'ts'],
    ['ts', 'py', 'ts'],
    ['py', 'ts', 'py'],
    ['py', 'ts', 'ts', 'py', 'py', 'ts'],
  ] as const) {
    mixed.test(`a chain of steps on ${places.join(', ')} hands its value on`, async () => {
      const [first, ...others] = places
      const steps = [on(first, 'add', [1, 1]), ...others.map((who, index) => on(who, 'add', [10 ** (index + 1)]))]
      const called = await run(['chain', ...steps])
      assert.equal(called.value, 2 + others.reduce((sum, _, index) => sum + 10 ** (index + 1), 0))
    })
  }

  mixed.test('the steps of a chain know their root, their parent and their limits across the languages', async () => {
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
    const child = async (id: string) =>
      ((await mixed.python.ask({ command: 'state', id })) as { children: string[] }).children
    assert.deepEqual(await child('root'), ['middle'])
    assert.deepEqual(await child('middle'), ['before-last'])
    assert.deepEqual(await child('before-last'), ['last'])
  })

  for (const [failing, rest] of [
    ['ts', 'py'],
    ['py', 'ts'],
    ['ts', 'ts'],
  ] as const) {
    mixed.test(`a chain that fails on ${failing} ends there: what waits for its end on ${rest} is told`, async () => {
      const ids = [`${failing}-${rest}-next`, `${failing}-${rest}-last`]
      const called = await run([
        'chain',
        on(failing === 'ts' ? 'py' : 'ts', 'add', [1, 1]),
        on(failing, 'fails', [failing === 'ts' ? 'ValueError' : 'value'], { immutable: true }),
        on(rest, 'noted', [], { immutable: true, task_id: ids[0] }),
        on(rest, 'noted', [], { immutable: true, task_id: ids[1] }),
      ])
      assert.equal(called.id, ids[1])
      assert.equal(called.error?.type, 'ValueError')
      assert.deepEqual(
        ledger().filter(({ taskId }) => ids.includes(taskId)),
        [],
      )
    })
  }

  mixed.test('a chain in a chain, and an error link of a whole chain, which each of its steps has', async () => {
    const inner = ['chain', on('py', 'add', [10]), on('ts', 'add', [100])]
    assert.equal((await run(['chain', on('ts', 'add', [1, 1]), inner, on('py', 'add', [1000])])).value, 1112)
    const failing = [
      'chain',
      on('py', 'add', [1, 1]),
      on('ts', 'fails', ['TypeError'], { immutable: true, task_id: 'linked' }),
    ]
    await run(failing, { link_error: [on('py', 'errback')] })
    assert.equal((await wrote('ERRBACK-linked'))[0]?.who, 'py')
  })

  mixed.test('a group whose members run on both gives all values in order', async () => {
    const members = Array.from({ length: 12 }, (_, index) => on(index % 2 === 0 ? 'ts' : 'py', 'add', [index, 1]))
    const called = await run(['group', ...members])
    assert.deepEqual(
      called.value,
      members.map((_, index) => index + 1),
    )
  })

  mixed.test('a group of chains, and a chain that ends with a group', async () => {
    const chains = ['ts', 'py', 'ts'].map((who) => [
      'chain',
      on(who as 'ts', 'add', [1, 1]),
      on(who === 'ts' ? 'py' : 'ts', 'add', [10]),
    ])
    assert.deepEqual((await run(['group', ...chains])).value, [12, 12, 12])
    const ends = ['chain', on('ts', 'add', [1, 1]), ['group', on('py', 'add', [1]), on('ts', 'add', [2])]]
    assert.deepEqual((await run(ends)).value, [3, 4])
  })

  mixed.test('the countdown of a step that Carom publishes begins when the step before it has ended', async () => {
    const sentMs = Date.now()
    const called = await run([
      'chain',
      on('ts', 'add', [1, 1]),
      on('ts', 'describe', [], { countdown: 0.5, immutable: true }),
    ])
    const { at } = called.value as { at: number }
    assert.ok(at >= sentMs + 500, 'it came early')
  })

  mixed.test('a task on one side sends one to the other, which is its child and has its root', async () => {
    const fromPython = await mixed.carom.python.callsCarom.delay()
    const fromCarom = await mixed.carom.callsPython.delay()
    for (const result of [fromPython, fromCarom]) {
      const { id } = result
      const childId = await result.get(GET)
      const seen = (await mixed.carom.app.result(childId).get(GET)) as Record<string, unknown>
      assert.deepEqual([seen.id, seen.parent_id, seen.root_id], [childId, id, id])
      const state = (await mixed.python.ask({ command: 'state', id })) as { children: string[] }
      assert.deepEqual(state.children, [childId])
    }
  })

  mixed.test('the limit of a step of a chain holds when Carom has published it', async () => {
    const called = await run([
      'chain',
      on('ts', 'add', [1, 1]),
      on('ts', 'spins', [], { immutable: true, time_limit: 0.5 }),
    ])
    assert.equal(called.error?.type, 'TimeLimitExceeded')
  })
}
