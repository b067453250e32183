/** Links and error links from Python: the one runs in one language, the other in the other. */
import assert from 'node:assert/strict'
import { expired, GET, type Mixed, on, runWorkflow, wrote } from './mixed-lab.ts'

export function links(mixed: Mixed): void {
  const run = runWorkflow(mixed)

  for (const [from, to] of [
    ['ts', 'ts'],
    ['ts', 'py'],
    ['py', 'ts'],
  ] as const) {
    mixed.test(`a link of a task on ${from} runs on ${to} with its result, and is its child`, async () => {
      const taskId = `link-${from}-${to}`
      const called = await run(on(from, 'add', [2, 3], { link: [on(to, 'add', [10], { task_id: taskId })] }))
      assert.equal(called.value, 5)
      assert.equal(await mixed.carom.app.result(taskId).get(GET), 15)
      const meta = await mixed.carom.app.result(taskId).meta()
      assert.equal(meta.value, 15)
      const state = (await mixed.python.ask({ command: 'state', id: called.id })) as { children: string[] }
      assert.deepEqual(state.children, [taskId])
    })

    mixed.test(`an error link of a task on ${from} runs on ${to} with the id of what failed`, async () => {
      const called = await run(on(from, 'fails', ['value'], { link_error: [on(to, 'errback')] }))
      assert.equal(called.state, 'FAILURE')
      const [line] = await wrote(`ERRBACK-${called.id}`)
      assert.equal(line?.who, to)
    })
  }

  mixed.test('several links all run, immutable ones without the result', async () => {
    const ids = ['several-py', 'several-ts', 'several-immutable']
    const links = [
      on('py', 'add', [1], { task_id: ids[0] }),
      on('ts', 'add', [2], { task_id: ids[1] }),
      on('py', 'add', [7, 7], { task_id: ids[2], immutable: true }),
    ]
    assert.equal((await run(on('ts', 'add', [1, 1], { link: links }))).value, 2)
    assert.deepEqual(await Promise.all(ids.map((id) => mixed.carom.app.result(id).get(GET))), [3, 4, 14])
  })

  mixed.test('a link has a link of its own, and so on through both languages, compressed and late', async () => {
    const last = on('ts', 'add', [1000], { task_id: 'third-link', countdown: 0.2 })
    const second = on('py', 'add', [100], { link: [last], compression: 'gzip' })
    assert.equal((await run(on('ts', 'add', [1, 2], { link: [on('ts', 'add', [10], { link: [second] })] }))).value, 3)
    assert.equal(await mixed.carom.app.result('third-link').get(GET), 1113)
  })

  mixed.test('error links on either side run for one failure, links do not', async () => {
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

  mixed.test('the error link of a Carom task that has expired runs on Python', async () => {
    const called = await run(on('ts', 'add', [1, 1], { ...expired(mixed), link_error: [on('py', 'errback')] }))
    assert.equal(called.state, 'REVOKED')
    await wrote(`ERRBACK-${called.id}`)
  })

  mixed.test('the error link of a Carom task whose child dies again and again runs on Python', async () => {
    const called = await run(on('ts', 'dies', [], { link_error: [on('py', 'errback')] }))
    assert.equal(called.error?.type, 'WorkerLostError')
    await wrote(`ERRBACK-${called.id}`)
  })
}
