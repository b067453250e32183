/** Remote control across the languages, as clients use it. */
import assert from 'node:assert/strict'
import { openBroker } from '../../src/brokers/open.ts'
import type { Mixed } from './mixed-lab.ts'

const PYTHON_NODE = `py${process.pid}@here`

export function control(mixed: Mixed): void {
  mixed.test('celery inspect reaches a Carom worker by its name', async () => {
    const inspect = (method: string) => mixed.python.ask({ command: 'inspect', method, destination: ['ts@here'] })
    assert.deepEqual(await inspect('ping'), { 'ts@here': { ok: 'pong' } })
    const registered = (await inspect('registered')) as Record<string, string[]>
    assert.ok(registered['ts@here']?.includes('ts.add'))
  })

  mixed.test('patterns of both of its matchers reach the workers that they mean', async () => {
    const answersTo = async (matcher: string, pattern: string) => {
      const replies = (await mixed.python.ask({ command: 'pattern', pattern, matcher })) as object[]
      return replies.flatMap((reply) => Object.keys(reply))
    }
    for (const pattern of ['ts@*', '[r-t]s@h?re', '[!p]*']) {
      assert.deepEqual(await answersTo('glob', pattern), ['ts@here'], pattern)
    }
    for (const pattern of ['t.@he', 'x|[r-t]s@', '^ts@here$']) {
      assert.deepEqual(await answersTo('pcre', pattern), ['ts@here'], pattern)
    }
    assert.deepEqual(await answersTo('glob', '[!t]s@*'), [])
    assert.deepEqual(await answersTo('pcre', 's@here'), [])
  })

  mixed.test('carom inspect reaches a Python worker', async (t) => {
    const broker = await openBroker(process.env.CAROM_BROKER_URL as string, { appName: 'mixed' })
    t.after(() => broker.close())
    const ask = (destination: string[] | null, limit: number) =>
      broker.mailbox.ask({ method: 'ping', arguments: {}, destination }, { timeoutMs: 5_000, limit })
    assert.deepEqual({ ...(await ask([PYTHON_NODE], 1)) }, { [PYTHON_NODE]: { ok: 'pong' } })
    assert.deepEqual({ ...(await ask(null, 2)) }, { [PYTHON_NODE]: { ok: 'pong' }, 'ts@here': { ok: 'pong' } })
  })
}
