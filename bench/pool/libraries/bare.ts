/**
 * No pool at all: the bytes of one of Carom's calls go to a child and those of its answer come back, over the same kind
 * of socket. What a call takes beyond that is the pool's own.
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { type Frame, FrameWriter } from '../../../src/pool/protocol/frame.ts'
import { frameToChild, frameToParent } from '../../../src/pool/protocol/messages.ts'
import { encodePayload } from '../../../src/pool/protocol/payload.ts'
import { fixture, type Library, type OpenPool } from './library.ts'

const ORDER = written(frameToChild({ type: 'call', job: 1, payload: encodePayload(['noop', 0, 1_000]) }, 1))
const RUNG_BYTES = byteLength(written(frameToParent({ type: 'rung' }, 1)))
const ACCEPTED = written(frameToParent({ type: 'accepted', job: 1 }, 1))
const SUCCEEDED = written(frameToParent({ type: 'succeeded', job: 1, amount: 1, payload: encodePayload(1_000) }, 1))
const ACCEPTED_BYTES = byteLength(ACCEPTED)
const SUCCEEDED_BYTES = byteLength(SUCCEEDED)

/** The ring in one write, which is the least that can be done; the result itself lies in memory that both share. */
export const bare: Library = { packageName: null, open: async () => openEcho([RUNG_BYTES]) }

/** As a pool without such memory has to answer: it says that a job has begun before it runs it. */
export const bareTwice: Library = { packageName: null, open: async () => openEcho([ACCEPTED_BYTES, SUCCEEDED_BYTES]) }

function openEcho(answers: readonly number[]): OpenPool {
  const child = spawn(process.execPath, [fixture('echo.js'), ...answers.map(String)], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  const socket = child.stdio[3] as Socket
  const order = Buffer.concat(ORDER)
  const answerBytes = answers.reduce((sum, bytes) => sum + bytes, 0)
  let missing = 0
  let answered: (() => void) | null = null
  socket.on('data', (chunk: Buffer) => {
    missing -= chunk.length
    if (missing === 0) answered?.()
  })
  return {
    call: () =>
      new Promise<void>((resolve) => {
        missing = answerBytes
        answered = resolve
        socket.write(order)
      }),
    close: async () => socket.destroy(),
  }
}

function byteLength(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

function written(frame: Frame): Buffer[] {
  const writer = new FrameWriter()
  writer.add(frame)
  return writer.take()
}
