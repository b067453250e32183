/** What every result backend does. */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { type ConformanceCase, meta } from './store.ts'

const FAILED = { status: 'FAILURE', result: Buffer.from('{"exc_type":"Error"}') } as const
const never = () => new AbortController().signal

export const backendCases: readonly ConformanceCase[] = [
  {
    name: 'results are loaded as they were saved, in the order asked, and unknown ones are null',
    applies: ({ storesResults }) => storesResults,
    async run(open, { resultsAreJson }) {
      const { backend } = await open()
      const json = Buffer.from(JSON.stringify({ text: 'ü \0 "', list: [1, null, -2.5] }))
      const result = resultsAreJson ? json : Uint8Array.from({ length: 256 }, (_, index) => index)
      const sent = [...result]
      const full = meta('full', {
        ...FAILED,
        result,
        traceback: 'Error: nul \0 and "ü"\n    at x',
        children: ['c1', 'c2'],
        parentId: 'p',
        groupId: 'g',
        doneAtMs: 1_763_900_000_123,
        call: { name: 'shop.add', args: '[1,"ü"]', kwargs: '{}', worker: 'n1@here', retries: 2, queue: null },
      })
      await backend.save([full, meta('started', { status: 'STARTED', doneAtMs: null, result: Buffer.alloc(0) })])
      result.fill(0)
      const [unknown, started, found] = await backend.load(['unknown', 'started', 'full'])
      assert.equal(unknown, null)
      assert.deepEqual([started?.status, started?.doneAtMs, started?.result.byteLength], ['STARTED', null, 0])
      assert.ok(found)
      assert.deepEqual([...found.result], sent)
      assert.deepEqual({ ...found, result: null }, { ...full, result: null })
      assert.deepEqual(await backend.load([]), [])
    },
  },
  {
    name: 'a SUCCESS is never overwritten, and everything else is',
    async run(open) {
      const { backend } = await open()
      const statusOf = async (taskId: string) => (await backend.load([taskId]))[0]?.status
      await backend.save([meta('a', { status: 'STARTED' }), meta('a', FAILED), meta('a', { status: 'RETRY' })])
      assert.equal(await statusOf('a'), 'RETRY')
      await backend.save([meta('a', { result: Buffer.from('1') })])
      await backend.save([meta('a', FAILED), meta('a', { result: Buffer.from('2') })])
      const [kept] = await backend.load(['a'])
      assert.equal(kept?.status, 'SUCCESS')
      assert.equal(Buffer.from(kept.result).toString(), '1')
    },
  },
  {
    name: 'waiting gives a result that is there already, at once',
    async run(open) {
      const { backend } = await open()
      await backend.save([meta('a'), meta('b', FAILED), meta('c', { status: 'REVOKED' })])
      const found = await Promise.all(['a', 'b', 'c'].map((taskId) => backend.wait(taskId, { signal: never() })))
      assert.deepEqual(
        found.map(({ status }) => status),
        ['SUCCESS', 'FAILURE', 'REVOKED'],
      )
    },
  },
  {
    name: 'waiting is woken by a save of this handle or another, once the task has ended',
    async run(open) {
      const { backend } = await open()
      const other = await open()
      for (const [taskId, saver] of [
        ['a', backend],
        ['b', other.backend],
      ] as const) {
        const startedMs = performance.now()
        const waiting = [backend.wait(taskId, { signal: never() }), backend.wait(taskId, { signal: never() })]
        await saver.save([meta(taskId, { status: 'STARTED', doneAtMs: null })])
        await saver.save([meta('somebody else'), meta(taskId, FAILED)])
        assert.deepEqual(
          (await Promise.all(waiting)).map(({ status }) => status),
          ['FAILURE', 'FAILURE'],
        )
        assert.ok(performance.now() - startedMs < 500, 'it was not woken')
      }
    },
  },
  {
    name: 'a thousand who wait are woken by one save',
    async run(open) {
      const { backend } = await open()
      const ids = Array.from({ length: 1_000 }, (_, index) => `task-${index}`)
      const waiting = Promise.all(ids.map((taskId) => backend.wait(taskId, { signal: never() })))
      await turn()
      await backend.save(ids.map((taskId) => meta(taskId)))
      assert.deepEqual(
        (await waiting).map(({ taskId }) => taskId),
        ids,
      )
    },
  },
  {
    name: 'waiting rejects with the reason it is aborted with, alone',
    async run(open) {
      const { backend } = await open()
      const ending = new AbortController()
      const aborted = backend.wait('a', { signal: ending.signal })
      const going = backend.wait('a', { signal: never() })
      const reason = new Error('enough')
      ending.abort(reason)
      await assert.rejects(aborted, reason)
      await assert.rejects(backend.wait('a', { signal: ending.signal }), reason)
      await backend.save([meta('a')])
      assert.equal((await going).status, 'SUCCESS')
    },
  },
  {
    name: 'a result that was forgotten is unknown, and can be saved and awaited again',
    async run(open) {
      const { backend } = await open()
      await backend.save([meta('a'), meta('b')])
      await backend.forget(['a', 'unknown'])
      assert.deepEqual(
        (await backend.load(['a', 'b'])).map((found) => found?.status),
        [undefined, 'SUCCESS'],
      )
      const waiting = backend.wait('a', { signal: never() })
      await turn()
      await backend.save([meta('a', FAILED)])
      assert.equal((await waiting).status, 'FAILURE')
    },
  },
  {
    name: 'asking for a result in a circle leaves the loop its turns',
    async run(open) {
      const { backend } = await open()
      setTimeout(() => backend.save([meta('a')]), 1)
      while ((await backend.load(['a']))[0] === null);
    },
  },
  {
    name: 'closing rejects those who wait and leaves other handles of the store alone',
    applies: ({ storesResults }) => storesResults,
    async run(open) {
      const { backend } = await open()
      const other = await open()
      const waiting = backend.wait('a', { signal: never() })
      const rejected = assert.rejects(waiting, { code: 'CAROM_STORE_CLOSED' })
      const going = other.backend.wait('a', { signal: never() })
      await turn()
      await backend.close()
      await backend.close()
      await rejected
      await assert.rejects(backend.load(['a']), { code: 'CAROM_STORE_CLOSED' })
      await assert.rejects(backend.save([meta('a')]), { code: 'CAROM_STORE_CLOSED' })
      await other.backend.save([meta('a')])
      assert.equal((await going).status, 'SUCCESS')
    },
  },
]
