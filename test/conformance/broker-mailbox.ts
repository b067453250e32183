/** Remote control. */
import assert from 'node:assert/strict'
import type { ControlRequest } from '../../src/brokers/broker.ts'
import type { ConformanceCase } from './store.ts'

const ping: ControlRequest = { method: 'ping', arguments: {}, destination: null }
// Long enough for every reply; a test that has what it wants sets a limit.
const timeoutMs = 5_000

export const mailboxCases: readonly ConformanceCase[] = [
  {
    name: 'a request reaches every node, and the replies come by node name',
    async run(open) {
      const { broker } = await open()
      const other = await open()
      const seen: ControlRequest[] = []
      const answer = (reply: unknown) => async (request: ControlRequest) => {
        seen.push(request)
        return reply
      }
      await broker.mailbox.serve('one@here', answer({ ok: 'pong', at: [1, 2n ** 60n] }))
      await other.broker.mailbox.serve('two@here', answer(undefined))
      const request = { method: 'stats', arguments: { deep: [true, null, 'ü'] }, destination: null }
      const replies = await other.broker.mailbox.ask(request, { timeoutMs, limit: 2 })
      assert.deepEqual({ ...replies }, { 'one@here': { ok: 'pong', at: [1, 2n ** 60n] }, 'two@here': null })
      assert.deepEqual(seen, [request, request])
    },
  },
  {
    name: 'a request with a destination reaches nobody else, and an unknown one nobody',
    async run(open) {
      const { broker } = await open()
      const asked: string[] = []
      for (const node of ['one@here', 'two@here']) {
        await broker.mailbox.serve(node, async () => asked.push(node))
      }
      const destination = ['two@here']
      assert.deepEqual(
        Object.keys(await broker.mailbox.ask({ ...ping, destination }, { timeoutMs, limit: 1 })),
        destination,
      )
      const none = await broker.mailbox.ask({ ...ping, destination: ['nobody@here'] }, { timeoutMs: 50 })
      assert.deepEqual({ ...none }, {})
      assert.deepEqual(asked, ['two@here'])
    },
  },
  {
    name: 'an error of an answer travels as a reply, as does an answer that JSON cannot hold',
    async run(open) {
      const { broker } = await open()
      await broker.mailbox.serve('bad@here', async () => {
        throw new Error('no such method')
      })
      await broker.mailbox.serve('odd@here', async () => ({ f: () => 1 }))
      const replies = await broker.mailbox.ask(ping, { timeoutMs, limit: 2 })
      assert.deepEqual(replies['bad@here'], { error: 'no such method' })
      assert.match(String((replies['odd@here'] as { error: string }).error), /reply/)
    },
  },
  {
    name: 'asking ends with its time, also while an answer hangs, and the next one is answered',
    async run(open) {
      const { broker } = await open()
      await broker.mailbox.serve('one@here', ({ method }) =>
        method === 'hang' ? new Promise(() => {}) : Promise.resolve(1),
      )
      const startedMs = performance.now()
      assert.deepEqual({ ...(await broker.mailbox.ask({ ...ping, method: 'hang' }, { timeoutMs: 60 })) }, {})
      assert.ok(performance.now() - startedMs >= 55, 'it ended too early')
      assert.deepEqual({ ...(await broker.mailbox.ask(ping, { timeoutMs, limit: 1 })) }, { 'one@here': 1 })
    },
  },
  {
    name: 'a node that was closed, or whose broker was, answers no more, and one that comes later does not answer what was asked before',
    async run(open) {
      const { broker } = await open()
      const asked: string[] = []
      const service = await broker.mailbox.serve('one@here', async () => asked.push('one'))
      await service.close()
      const other = await open()
      await other.broker.mailbox.serve('two@here', async () => asked.push('two'))
      await other.broker.close()
      const asking = broker.mailbox.ask(ping, { timeoutMs: 100 })
      await broker.mailbox.ask({ ...ping, destination: [] }, { timeoutMs: 20 })
      await broker.mailbox.serve('late@here', async () => asked.push('late'))
      assert.deepEqual({ ...(await asking) }, {})
      assert.deepEqual(asked, [])
    },
  },
]
