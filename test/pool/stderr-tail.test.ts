import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StderrTail } from '../../src/pool/parent/stderr-tail.ts'

const SENTENCE = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n'

test('The tail is the end of what was written, whatever the chunks it came in', () => {
  const text = Array.from({ length: 2_000 }, (_, at) => `line ${at}\n`).join('')
  for (const size of [1, 7, 4_095, 4_096, 4_097, text.length]) {
    const tail = new StderrTail()
    for (let at = 0; at < text.length; at += size) tail.push(Buffer.from(text.slice(at, at + size)))
    assert.equal(tail.toString(), text.slice(-4_096))
    assert.equal(tail.heapLimit, false)
  }
  assert.equal(new StderrTail().toString(), '')
})

test('A character is kept whole or not at all', () => {
  for (const character of ['ü', '€', '😀']) {
    for (let shift = 0; shift < 4; shift++) {
      const tail = new StderrTail()
      tail.push(Buffer.from(character.repeat(4_096) + 'x'.repeat(shift)))
      assert.match(tail.toString(), new RegExp(`^(${character})+x{${shift}}$`, 'u'))
    }
  }
})

test('Bytes that are no text, as many as come, leave no more than 4096 characters', () => {
  const tail = new StderrTail()
  for (let round = 0; round < 100; round++) tail.push(Buffer.alloc(64 * 1024, 0x80 + round))
  assert.ok(tail.toString().length <= 4_096)
})

test("V8's last sentence is found wherever it is cut, and however much follows", () => {
  for (let cut = 1; cut < SENTENCE.length; cut++) {
    const tail = new StderrTail()
    for (const part of ['x'.repeat(5_000), SENTENCE.slice(0, cut), SENTENCE.slice(cut), 'y'.repeat(9_000)]) {
      tail.push(Buffer.from(part))
    }
    assert.ok(tail.heapLimit, `cut at ${cut}`)
  }
})

test("V8's last sentence is found when it comes byte by byte", () => {
  const tail = new StderrTail()
  for (const byte of Buffer.from(SENTENCE)) tail.push(Buffer.from([byte]))
  assert.ok(tail.heapLimit)
})
