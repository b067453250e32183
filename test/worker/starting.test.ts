/** What a worker says when it cannot start. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { startWorker } from '../../src/worker/index.ts'
import { APP } from './lab.ts'

const CAROM = new URL('../../src/index.js', import.meta.url).href
const WORKER = new URL('../../src/worker/index.js', import.meta.url).href
const folder = mkdtempSync(join(tmpdir(), 'carom-starting-'))
after(() => rmSync(folder, { recursive: true }))

function module(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function refusal(options: Parameters<typeof startWorker>[0]): Promise<Error> {
  return startWorker(options).then(
    async (worker) => {
      await worker.stop()
      return assert.fail('the worker started')
    },
    (error) => error,
  )
}

test('a wrong path is CAROM_APP_NOT_FOUND and starts nothing', async () => {
  const error = await refusal({ app: join(folder, 'nowhere.js') })
  assert.ok(isCaromError(error, 'CAROM_APP_NOT_FOUND'))
  assert.match(error.message, /nowhere\.js/)
})

test("a module that throws while loading is CAROM_CHILD_START with the module's own error as cause", async () => {
  const error = await refusal({ app: module('throws.mjs', 'throw new RangeError("on load")'), concurrency: 1 })
  assert.ok(isCaromError(error, 'CAROM_CHILD_START'))
  assert.match(error.message, /on load/)
  assert.match((error.cause as Error).message, /failed while loading/)
  assert.equal(((error.cause as Error).cause as Error).name, 'RangeError')
})

test('a module without an app says how to write one', async () => {
  const error = await refusal({ app: module('empty.mjs', 'export const x = 1'), concurrency: 1 })
  assert.match(error.message, /exports no Carom app.*new Carom/)
})

test('a TypeScript module is refused where Node cannot read it, with the ways out', async (t) => {
  if ((process.features as { typescript?: unknown }).typescript) return t.skip('this Node reads TypeScript')
  const error = await refusal({ app: module('tasks.ts', 'export {}') })
  assert.ok(isCaromError(error, 'CAROM_APP_TYPESCRIPT'))
  assert.match(error.message, /22\.18.*compiled JavaScript.*tsx/)
})

test('production without a URL is refused, and nothing is left running', async (t) => {
  const { CAROM_BROKER_URL } = process.env
  t.after(() => {
    process.env.CAROM_BROKER_URL = CAROM_BROKER_URL
    delete process.env.NODE_ENV
  })
  delete process.env.CAROM_BROKER_URL
  process.env.NODE_ENV = 'production'
  const error = await refusal({ app: APP, concurrency: 1 })
  assert.ok(isCaromError(error, 'CAROM_EMBEDDED_REFUSED'))
})

test('options that are unknown or out of range are refused by name', async () => {
  await assert.rejects(startWorker({ app: APP, concurency: 2 } as never), /Unknown worker option "concurency"/)
  await assert.rejects(startWorker({ app: APP, concurrency: 0 }), RangeError)
  await assert.rejects(startWorker({ app: APP, queues: [] }), TypeError)
  await assert.rejects(startWorker({} as never), /needs the module/)
  await assert.rejects(startWorker(undefined as never), /needs the module/)
})

test('a worker whose result backend cannot be opened does not leave its broker open', async (t) => {
  const { CAROM_BROKER_URL } = process.env
  t.after(() => {
    process.env.CAROM_BROKER_URL = CAROM_BROKER_URL
    delete process.env.CAROM_RESULT_BACKEND
  })
  process.env.CAROM_BROKER_URL = 'memory:starting'
  process.env.CAROM_RESULT_BACKEND = 'unheard-of:'
  const open = () => openBroker('memory:starting', { appName: 'lab' })
  const before = await open()
  const message = buildTaskMessage({ task: 'lab.add', id: '1', args: [1, 2], kwargs: {} })
  await before.publish([{ queue: 'lab', message }])
  const error = await refusal({ app: APP, concurrency: 1 })
  assert.ok(isCaromError(error, 'CAROM_URL_UNSUPPORTED'))
  await before.close()
  const after = await open()
  assert.deepEqual(await after.depths(), [], 'a memory store is gone with the last who has it open')
  await after.close()
})

test('an app that sends a task while its first child starts is refused with a way out', async () => {
  const text = `import { Carom } from '${CAROM}'
    export const app = new Carom('sender')
    const add = app.task('sender.add', (a, b) => a + b)
    app.onChildInit(() => add.delay(1, 2))`
  const error = await refusal({ app: module('sender.mjs', text), concurrency: 1 })
  assert.ok(isCaromError(error, 'CAROM_CHILD_START'))
  assert.match(error.message, /No task can be sent before the worker has started.*send it in a task/)
})

test('a child that is ready and then says nothing of its app fails the start in time', async () => {
  const text = `import { Carom } from '${CAROM}'
    export const app = new Carom('silent')
    app.onChildInit(() => { setImmediate(() => { for (;;); }) })`
  const error = await refusal({ app: module('silent.mjs', text), concurrency: 1, startTimeoutMs: 2_000 })
  assert.ok(isCaromError(error, 'CAROM_CHILD_START'))
  assert.match(error.message, /does not answer after 2000 ms/)
})

test('a worker started by a script on the command line does not have its children run that script', async () => {
  const log = join(folder, 'script.log')
  const script = `
    import { appendFileSync } from 'node:fs'
    import { startWorker } from '${WORKER}'
    appendFileSync('${log}', 'ran\\n')
    // Without this a child that ran the script would start children without end.
    if (process.argv.length > 1) process.exit(1)
    const worker = await startWorker({ app: '${APP}', concurrency: 1 })
    await worker.stop()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' })
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.equal(readFileSync(log, 'utf8'), 'ran\n')
})
