import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, type Frame, FrameError, FrameReader } from '../../src/pool/protocol/frame.ts'
import {
  frameToChild,
  frameToParent,
  readToChild,
  readToParent,
  type ToChild,
  type ToParent,
} from '../../src/pool/protocol/messages.ts'
import { encodePayload } from '../../src/pool/protocol/payload.ts'
import { toBytes } from './frames.ts'

const payload = encodePayload(['value', 1])

const ORDERS: readonly ToChild[] = [
  { type: 'start', payload },
  { type: 'call', job: 7, payload },
  { type: 'map', job: 7, payload },
  { type: 'starmap', job: 7, payload },
  { type: 'stream', job: 7, payload },
  { type: 'recall', job: 8 },
  { type: 'expire', job: 8 },
  { type: 'credit', job: 8, amount: 2 ** 32 - 1 },
  { type: 'cancel', job: 2 ** 48 - 1 },
  { type: 'stop' },
  { type: 'answer', job: 3, payload },
]

const REPORTS: readonly ToParent[] = [
  { type: 'ready' },
  { type: 'broken', payload },
  { type: 'accepted', job: 1 },
  { type: 'succeeded', job: 1, amount: 12, payload },
  { type: 'failed', job: 1, amount: 0, payload },
  { type: 'recalled', job: 1 },
  { type: 'yielded', job: 1, payload },
  { type: 'progressed', job: 1, payload },
  { type: 'asked', job: 9, payload },
  { type: 'crashed', payload },
  { type: 'rung' },
]

test('Every order reaches the child as it was given', () => {
  for (const order of ORDERS) assert.deepEqual(filled(readToChild(travel(frameToChild(order, 5)), 5)), filled(order))
})

test('Every report reaches the parent as it was given', () => {
  for (const report of REPORTS) {
    assert.deepEqual(filled(readToParent(travel(frameToParent(report, 5)), 5)), filled(report))
  }
})

test('A frame of another generation is refused on both sides', () => {
  assert.throws(() => readToParent(frameToParent({ type: 'ready' }, 4), 5), /of child 4 came from child 5/)
  assert.throws(() => readToChild(frameToChild({ type: 'stop' }, 4), 5), FrameError)
})

test('An unknown type is refused, and so is one that belongs to the other side', () => {
  const reports = new Set(REPORTS.map((report) => frameToParent(report, 1).type))
  const orders = new Set(ORDERS.map((order) => frameToChild(order, 1).type))
  for (let type = 0; type < 256; type++) {
    const frame: Frame = { type, job: 0, generation: 1, amount: 0, payload: EMPTY }
    if (!reports.has(type)) assert.throws(() => readToParent(frame, 1), FrameError)
    if (!orders.has(type)) assert.throws(() => readToChild(frame, 1), FrameError)
  }
})

function travel(frame: Frame): Frame {
  const seen: Frame[] = []
  new FrameReader(1024).push(toBytes([frame]), (each) => seen.push(each))
  return seen[0] as Frame
}

function filled(message: ToChild | ToParent): unknown {
  const { encoding, bytes } = 'payload' in message ? message.payload : EMPTY
  const job = 'job' in message ? message.job : 0
  const amount = 'amount' in message ? message.amount : 0
  return { type: message.type, job, amount, payload: { encoding, bytes: Buffer.from(bytes) } }
}
