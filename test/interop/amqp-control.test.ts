/** Celery's remote control, from Python, at a Carom worker on RabbitMQ. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { amqpCluster, skipAmqp } from './amqp-lab.ts'

const mixed = amqpCluster({ results: 'rpc', python: null })

test('patterns of both of its matchers reach the workers that they mean', {
  skip: skipAmqp,
  timeout: 50_000,
}, async () => {
  const answersTo = async (matcher: string, pattern: string) => {
    const replies = (await mixed.python.ask({ command: 'pattern', pattern, matcher })) as object[]
    return replies.flatMap((reply) => Object.keys(reply))
  }
  for (const pattern of ['ts@*', '[r-t]s@h?re', '[!x]*']) {
    assert.deepEqual(await answersTo('glob', pattern), ['ts@here'], pattern)
  }
  for (const pattern of ['t.@he', 'x|[r-t]s@', '^ts@here$']) {
    assert.deepEqual(await answersTo('pcre', pattern), ['ts@here'], pattern)
  }
  assert.deepEqual(await answersTo('glob', '[!t]s@*'), [])
  assert.deepEqual(await answersTo('pcre', 's@here'), [])
})
