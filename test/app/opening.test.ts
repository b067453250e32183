import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Opening } from '../../src/app/opening.ts'

function scripted(outcomes: ('open' | 'fail')[]) {
  const seen = { opened: 0, closed: 0 }
  const opening = new Opening(async () => {
    seen.opened += 1
    await null
    if (outcomes.shift() === 'fail') throw new Error('cannot open')
    return {
      close: async () => {
        seen.closed += 1
      },
    }
  })
  return { opening, seen }
}

test('an Opening opens at the first use, once for all who use it meanwhile', async () => {
  const { opening, seen } = scripted(['open'])
  assert.equal(seen.opened, 0)
  const handles = await Promise.all([opening.get(), opening.get(), opening.get()])
  assert.equal(new Set(handles).size, 1)
  assert.equal(await opening.get(), handles[0])
  assert.equal(seen.opened, 1)
})

test('an Opening that failed is tried again at the next use, not before', async () => {
  const { opening, seen } = scripted(['fail', 'open'])
  const failed = [opening.get(), opening.get()]
  for (const get of failed) await assert.rejects(get, /cannot open/)
  assert.equal(seen.opened, 1)
  await opening.get()
  assert.equal(seen.opened, 2)
})

test('an Opening closes what is open or opening, and opens nothing for it', async () => {
  const unused = scripted(['open'])
  await unused.opening.close()
  assert.deepEqual(unused.seen, { opened: 0, closed: 0 })
  const used = scripted(['open'])
  void used.opening.get()
  await used.opening.close()
  assert.deepEqual(used.seen, { opened: 1, closed: 1 })
  const failing = scripted(['fail'])
  const failed = assert.rejects(failing.opening.get())
  await failing.opening.close()
  await failed
  assert.deepEqual(failing.seen, { opened: 1, closed: 0 })
})
