import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import { startWorker } from '../../src/worker/index.ts'
import { APP, START } from './lab.ts'

const { add, app, outOfMemory } = await import('./fixtures/tasks.ts')
after(() => app.close())

test('a task that fills the heap of its child is given up with that reason, and the next one runs', async (t) => {
  const worker = await startWorker({ app: APP, ...START, concurrency: 1, execArgv: ['--max-old-space-size=32'] })
  t.after(() => worker.stop())
  const result = await outOfMemory.delay()
  await assert.rejects(result.get({ timeoutMs: 20_000 }), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_WORKER_LOST'))
    assert.match(error.message, /V8 reached its heap limit/)
    return true
  })
  assert.equal(await (await add.delay(1, 2)).get({ timeoutMs: 10_000 }), 3)
})
