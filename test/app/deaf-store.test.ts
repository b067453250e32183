/** A result backend that does not keep its word: the one who waits must not hang with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AsyncResult } from '../../src/results/async-result.ts'
import type { ResultBackend } from '../../src/results/backend.ts'
import type { ResultMeta } from '../../src/results/meta.ts'

const never = <T>() => new Promise<T>(() => {})

function resultOn(backend: Partial<ResultBackend>, opening?: Promise<ResultBackend>) {
  const deaf: ResultBackend = {
    store: 'deaf',
    save: never,
    load: never,
    wait: never,
    forget: never,
    saveGroup: never,
    loadGroup: never,
    forgetGroup: never,
    openChords: never,
    joinChord: never,
    closeChords: never,
    close: never,
    ...backend,
  }
  const source = { onEnding: () => () => {}, open: () => opening ?? Promise.resolve(deaf), allow: () => {} }
  return new AsyncResult({ id: 'id', task: 'shop.t', queue: 'shop', ignored: false }, source)
}

const timedOut = { code: 'CAROM_RESULT_TIMEOUT', state: 'PENDING', timeoutMs: 20 }

test('get() keeps its deadline with a store that does not listen, does not answer, or never opens', async () => {
  await assert.rejects(resultOn({ load: async () => [null] }).get({ timeoutMs: 20 }), timedOut)
  await assert.rejects(resultOn({}).get({ timeoutMs: 20 }), timedOut)
  await assert.rejects(resultOn({}, never()).get({ timeoutMs: 20 }), timedOut)
})

test('get() takes a result that was there in time though the store did not say so', async () => {
  const stored = { taskId: 'id', status: 'SUCCESS', result: Buffer.from('5') } as unknown as ResultMeta
  assert.equal(await resultOn({ load: async () => [stored] }).get({ timeoutMs: 20 }), 5)
})

test('get() passes on that a store cannot be opened', async () => {
  const broken = new Error('cannot open')
  const opening = Promise.reject(broken)
  await assert.rejects(resultOn({}, opening).get({ timeoutMs: 5_000 }), (error) => error === broken)
})
