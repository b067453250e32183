import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Carom } from '../../src/app/app.ts'
import { APP, appsIn, internalsOf } from '../../src/app/internals.ts'

test('appsIn() finds the apps among the exports of a module, each once', () => {
  const shop = new Carom('shop')
  const bakery = new Carom('bakery')
  const names = (exports: unknown) => appsIn(exports).map(({ name }) => name)
  assert.deepEqual(names({ app: shop, again: shop, other: bakery, add: () => 1, nothing: null }), ['shop', 'bakery'])
  assert.deepEqual(names({ default: shop }), ['shop'])
  assert.deepEqual(names({ default: { app: shop } }), ['shop'], 'a CommonJS module seen through import')
  assert.deepEqual(names(shop), ['shop'])
  for (const nothing of [{}, undefined, null, 5, 'app', { default: null }]) assert.deepEqual(appsIn(nothing), [])
})

test('appsIn() finds an app of another copy of Carom, and is not stopped by a getter that throws', () => {
  const foreign = { [Symbol.for('carom.app')]: { name: 'foreign' } }
  const hostile = Object.defineProperty({ app: foreign }, 'bomb', {
    enumerable: true,
    get: () => {
      throw new Error('bomb')
    },
  })
  assert.deepEqual(appsIn(hostile), [{ name: 'foreign' }])
})

test('internalsOf() gives the internals of an app and nothing for anything else', () => {
  const app = new Carom('shop')
  assert.equal(internalsOf(app), app[APP])
  for (const other of [undefined, null, {}, () => 1, 'shop']) assert.equal(internalsOf(other), undefined)
})
