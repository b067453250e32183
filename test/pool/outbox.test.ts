import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Frame, FrameError, FrameReader } from '../../src/pool/protocol/frame.ts'
import { MAX_LAID_BYTES, OUTBOX_BYTES, Outbox, OutboxReader } from '../../src/pool/protocol/outbox.ts'

const AT = 64

function bothSides() {
  const memory = new ArrayBuffer(AT + OUTBOX_BYTES)
  return { memory, child: new Outbox(memory, AT), parent: new OutboxReader(memory, AT) }
}

function frame(job: number, bytes = 10): Frame {
  return { type: 68, job, generation: 1, amount: 0, payload: { encoding: 'bytes', bytes: Buffer.alloc(bytes, job) } }
}

function jobsIn(parent: OutboxReader): number[] {
  return framesIn(parent).map(({ job }) => job)
}

function framesIn(parent: OutboxReader): Frame[] {
  const frames: Frame[] = []
  const reader = new FrameReader(OUTBOX_BYTES)
  parent.take((piece, readInto, there) => reader.push(piece, (frame) => void frames.push(frame), readInto, there))
  return frames
}

test('What the child lays into its outbox the parent takes once, whole and in order', () => {
  const { child, parent } = bothSides()
  assert.deepEqual([parent.isEmpty, jobsIn(parent)], [true, []])
  for (const job of [1, 2, 3]) assert.equal(child.put(frame(job), 0), true)
  assert.equal(parent.isEmpty, false)
  assert.deepEqual(jobsIn(parent), [1, 2, 3])
  assert.deepEqual([parent.isEmpty, jobsIn(parent)], [true, []])
  child.put(frame(4), 0)
  assert.deepEqual(jobsIn(parent), [4])
})

test('What was taken stays as it was, whatever the child lays there next', () => {
  const { child, parent } = bothSides()
  for (const bytes of [10, 100_000]) {
    child.put(frame(1, bytes), 0)
    const [taken] = framesIn(parent)
    child.put(frame(2, bytes), 0)
    assert.deepEqual(taken?.payload.bytes, Buffer.alloc(bytes, 1))
    assert.deepEqual(jobsIn(parent), [2])
  }
})

test('A full outbox takes no more until all of it was taken, and then it is as large as before', () => {
  const { child, parent } = bothSides()
  const fill = () => {
    let jobs = 0
    while (child.put(frame(jobs + 1, 10_000), 0)) jobs++
    return jobs
  }
  const room = fill()
  assert.ok(room > 1_500, `${room} reports of 10 kB`)
  assert.equal(jobsIn(parent).length, room)
  assert.equal(fill(), room)
})

test('What is too large is for the channel, and what is large comes in memory of its own', () => {
  const { child, parent } = bothSides()
  child.put(frame(1), 0)
  assert.equal(child.put(frame(2, MAX_LAID_BYTES), 0), true)
  child.put(frame(3), 0)
  assert.equal(child.put(frame(4, MAX_LAID_BYTES + 1), 0), false)
  const [small, large, last, ...others] = framesIn(parent)
  assert.deepEqual([small?.job, large?.job, last?.job, others], [1, 2, 3, []])
  assert.deepEqual(large?.payload.bytes, Buffer.alloc(MAX_LAID_BYTES, 2))
  assert.equal(large?.payload.isOwn, true)
  assert.equal(large?.payload.bytes.buffer.byteLength, MAX_LAID_BYTES)
})

test('Behind a report that went over the channel nothing is laid there before the parent has heard that', () => {
  const { child, parent } = bothSides()
  assert.equal(child.put(frame(2), 1), false)
  parent.heard(1)
  assert.equal(child.put(frame(2), 1), true)
})

test('The child rings once for all that the parent has not come for yet', () => {
  const { child, parent } = bothSides()
  child.put(frame(1), 0)
  assert.equal(child.mustRing(), true)
  child.put(frame(2), 0)
  assert.equal(child.mustRing(), false)
  assert.deepEqual(jobsIn(parent), [1, 2])
  child.put(frame(3), 0)
  assert.equal(child.mustRing(), true)
  // For tickets it rings without a report.
  jobsIn(parent)
  assert.equal(child.mustRing(), true)
})

test('After thousands of millions of bytes all is as before', () => {
  const { child, parent } = bothSides()
  const large = frame(1, 64 * 1024)
  for (let nth = 0; nth < 2 ** 31 / large.payload.bytes.length + 10; nth++) {
    if (!child.put(large, 0)) assert.fail(`no room for report ${nth}`)
    if (!child.mustRing()) assert.fail(`nobody is told of report ${nth}`)
    if (jobsIn(parent).length !== 1) assert.fail(`report ${nth} is not whole`)
  }
  child.put(frame(7), 0)
  assert.equal(child.mustRing(), true)
  assert.deepEqual(jobsIn(parent), [7])
})

test('Positions that cannot be end the trust in a child', () => {
  for (const [written, start] of [
    [OUTBOX_BYTES, 0],
    [0x7fff_ffff, 0],
    [-1, 0],
    [10, 20],
    [10, -0x7fff_ffff],
  ] as const) {
    const { memory, parent } = bothSides()
    new Int32Array(memory, AT).set([written, start])
    let pieces = 0
    assert.throws(() => parent.take(() => pieces++), FrameError, `${written} from ${start}`)
    // Else a child that moves the start along would be read without end.
    assert.ok(pieces === 0 || written < OUTBOX_BYTES, `${pieces} pieces of ${written}`)
  }
})
