/** The table of values in docs/guide/pool.md, row by row, as far as other tests do not have it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as Jobs from './fixtures/jobs.ts'
import { caromFailureOf, openPool } from './real-pool.ts'

class Point {
  readonly x = 1
  readonly #hidden = 2
  get sum(): number {
    return this.x + this.#hidden
  }
}

test('An object of a class arrives as a plain object with its fields, or as what its toJSON gives', async (t) => {
  const { exports } = openPool<typeof Jobs>(t, 'jobs')
  const point = await exports.echo(new Point())
  assert.equal(Object.getPrototypeOf(point), Object.prototype)
  assert.deepEqual(point, { x: 1 })
  assert.equal(await exports.echo(new URL('https://example.org/a')), 'https://example.org/a')
})

test('What has no place in MessagePack arrives as what is nearest to it', async (t) => {
  const { exports } = openPool<typeof Jobs>(t, 'jobs')
  assert.ok(Object.is(await exports.echo(-0), 0))
  const sparse: unknown[] = [1]
  sparse[2] = 3
  const list = (await exports.echo(sparse)) as unknown[]
  assert.ok(1 in list)
  assert.deepEqual(list, [1, undefined, 3])
})

test('The same object in two places is the same object in two places', async (t) => {
  const { exports } = openPool<typeof Jobs>(t, 'jobs')
  const part = { a: 1 }
  const [first, second] = (await exports.echo([part, new Map([['b', part]])])) as [unknown, Map<string, unknown>]
  assert.equal(second.get('b'), first)
})

test('An error as a value keeps its name, message and cause, and nothing else', async (t) => {
  const { exports } = openPool<typeof Jobs>(t, 'jobs')
  const given = Object.assign(new TypeError('mine', { cause: new Error('why') }), { code: 'EMINE' })
  const error = (await exports.echo(given)) as TypeError
  assert.ok(error instanceof TypeError)
  assert.equal(error.message, 'mine')
  assert.deepEqual([(error.cause as Error).message, 'code' in error], ['why', false])
  const many = (await exports.echo(new AggregateError([new Error('one')], 'all'))) as Error
  assert.equal(many.name, 'AggregateError')
})

test('What is refused is refused wherever it stands', async (t) => {
  const { exports } = openPool<typeof Jobs>(t, 'jobs')
  const refused: unknown[] = [
    ...[() => 1, Symbol('x'), Promise.resolve(1), new WeakMap(), new WeakSet(), new WeakRef({})],
    ...[(function* () {})(), [1].values(), new Map().keys(), new SharedArrayBuffer(1), new String('boxed')],
  ]
  for (const value of refused) {
    await caromFailureOf(exports.echo(value), 'CAROM_ARGUMENTS_UNENCODABLE')
    await caromFailureOf(exports.echo({ deep: [new Map([[1, value]])] }), 'CAROM_ARGUMENTS_UNENCODABLE')
  }
})
