/** What a worker says when it cannot start. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import { startWorker } from '../../src/worker/index.ts'
import { APP } from './lab.ts'

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
})
