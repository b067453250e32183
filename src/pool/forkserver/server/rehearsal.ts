/**
 * A child's life, lived once in the server before it forks: a start, a job, an answer. What that compiles and allocates for
 * the first time is then in memory that all children share, and no child does it again.
 */
// What nearly every application loads of Node: a child of which nothing is preloaded finds it here.
import 'node:child_process'
import 'node:events'
import 'node:fs/promises'
import 'node:module'
import 'node:os'
import 'node:path'
import 'node:stream'
import 'node:url'
import 'node:util'
import 'node:worker_threads'
import { Socket } from 'node:net'
import type { Addon } from '../../../native/addon.ts'
import { ChildLoop } from '../../child/loop.ts'
import { loadBeside } from '../../child/process.ts'
import { SocketChannel } from '../../child/socket-channel.ts'
import { CHILD_MEMORY_BYTES, type MemoryOfChild, memoryInChild, memoryOfChild } from '../../protocol/child-memory.ts'
import { type Frame, FrameReader, FrameWriter } from '../../protocol/frame.ts'
import { frameToChild, readToParent, type StartOrder, type ToChild } from '../../protocol/messages.ts'
import { encodePayload } from '../../protocol/payload.ts'
import { rehearseRandomness } from './randomness.ts'

/** Leaves nothing open. Where it cannot be had children are larger, and that is all. */
export async function rehearse(addon: Addon): Promise<void> {
  rehearseRandomness()
  try {
    // A child that cannot load its module ends its process, which is this one.
    await import(START.module)
    await rehearseLife(addon, ...addon.socketPair())
  } catch {
    // No descriptors are left, or preloaded code decides what is loaded.
  }
}

async function rehearseLife(addon: Addon, near: number, far: number): Promise<void> {
  const parent = new Socket({ fd: near, readable: true, writable: true })
  const memory = mapMemory(addon)
  const { tickets, outbox } = memoryInChild(memory)
  const channel = new SocketChannel(GENERATION, outbox, far)
  channel.listen(new ChildLoop(channel, loadBeside(process.ppid), tickets))
  await playParent(parent, memoryOfChild(memory))
  // In this order: the end of its parent is a child's end too.
  await channel.dismiss()
  await closed(parent)
}

/** As a child does it: upon the first memory that V8 has not made itself it drops code that counts on its own. */
function mapMemory(addon: Addon): ArrayBuffer {
  const memory = addon.makeMemory(CHILD_MEMORY_BYTES)
  const mapped = addon.mapMemory(memory, CHILD_MEMORY_BYTES)
  addon.closeDescriptor(memory)
  return mapped
}

function playParent(parent: Socket, { tickets, outbox }: MemoryOfChild): Promise<void> {
  const out = new FrameWriter()
  const send = (order: ToChild) => {
    out.add(frameToChild(order, GENERATION))
    for (const part of out.take()) parent.write(part)
  }
  const reader = new FrameReader(MAX_BYTES)
  let jobs = 0
  const call = () => {
    const payload = encodePayload(['rehearse', 0, 'a text', { a: [1] }])
    send({ type: 'call', job: ++jobs, amount: tickets.issue(), payload })
  }
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, DEADLINE_MS)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    const take = (frame: Frame): void => {
      const report = readToParent(frame, GENERATION)
      if (report.type === 'ready') call()
      else if (report.type === 'broken' || report.type === 'failed') done()
      else if (report.type === 'succeeded' && jobs < JOBS) call()
      else if (report.type === 'succeeded') done()
    }
    parent.on('error', done).on('data', (chunk: Buffer) => {
      outbox.take((piece) => reader.push(piece, take))
      reader.push(chunk, take)
    })
    send({ type: 'start', payload: encodePayload(START) })
  })
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve()).destroy()
  })
}

const GENERATION = 0
const JOBS = 3
const DEADLINE_MS = 1_000
const MAX_BYTES = 64 * 1024
const START: StartOrder = {
  module: new URL('./rehearsal-job.js', import.meta.url).href,
  initializer: null,
  initArgs: [],
  maxPayloadBytes: MAX_BYTES,
  credits: 1,
  interrupts: false,
}
