import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Bell } from '../../src/brokers/bell.ts'

const NEVER = new AbortController().signal

test('Ear.heard() resolves at once for a ring that came while nobody waited, and once for many', async () => {
  const bell = new Bell()
  const ear = bell.listen({ holds: true })
  bell.ring()
  bell.ring()
  await ear.heard({ signal: NEVER, atMs: null })
  assert.equal(await isHeard(ear), false)
  ear.close()
})

test('Ear.heard() resolves when aborted, when closed and at its time', async () => {
  const bell = new Bell()
  const ear = bell.listen({ holds: true })
  const ending = new AbortController()
  const waiting = ear.heard({ signal: ending.signal, atMs: null })
  ending.abort()
  await waiting
  await ear.heard({ signal: ending.signal, atMs: null })
  const atMs = Date.now() + 30
  await ear.heard({ signal: NEVER, atMs })
  assert.ok(Date.now() >= atMs - 1)
  const closing = ear.heard({ signal: NEVER, atMs: null })
  ear.close()
  await closing
})

test('Ear.heard() does not fire at once for a time beyond what a timer can hold', async () => {
  const bell = new Bell()
  const ear = bell.listen({ holds: true })
  assert.equal(await isHeard(ear, Date.now() + 2 ** 40), false)
  ear.close()
})

test('Bell tells when the first one listens, and whether anybody does', () => {
  let came = 0
  const bell = new Bell(() => came++)
  const [one, two] = [bell.listen({ holds: true }), bell.listen({ holds: false })]
  assert.deepEqual([came, bell.listening], [1, true])
  one.close()
  two.close()
  assert.equal(bell.listening, false)
  bell.listen({ holds: true }).close()
  assert.equal(came, 2)
})

async function isHeard(ear: ReturnType<Bell['listen']>, atMs: number | null = null): Promise<boolean> {
  const ending = new AbortController()
  let heard = false
  const waiting = ear.heard({ signal: ending.signal, atMs }).then(() => {
    heard = true
  })
  for (let turns = 0; turns < 20; turns++) await turn()
  const before = heard
  ending.abort()
  await waiting
  return before
}
