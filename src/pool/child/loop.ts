/**
 * The child's life: load the module, then run what comes, report how it went, and exit when told to.
 *
 * A job is reported as accepted before its payload is decoded: whatever the payload does to this process from then on
 * is the job's doing, and the parent knows which job it was.
 */
import { CaromError } from '../../errors.ts'
import { runInContext } from '../../job/context.ts'
import { readFailure, toFailure } from '../../support/failure.ts'
import type { Payload } from '../protocol/frame.ts'
import { whileLoading } from '../protocol/loading.ts'
import type { Answer, StartOrder, ToChild } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'
import { openQuestions } from './ask.ts'
import type { Channel, ChannelListener } from './channel.ts'
import { RunningJob } from './running-job.ts'

type Exports = Readonly<Record<string, unknown>>

export class ChildLoop implements ChannelListener {
  readonly #channel: Channel
  readonly #running = new Map<number, RunningJob>()
  #exports: Exports = {}
  #maxPayloadBytes = 0
  #stopping = false

  constructor(channel: Channel) {
    this.#channel = channel
    openQuestions.send = (question, payload) => channel.send({ type: 'asked', job: question, payload })
  }

  order(order: ToChild): void {
    switch (order.type) {
      case 'start':
        return void this.#start(decodePayload(order.payload) as StartOrder)
      case 'run':
        return this.#run(order.job, order.payload)
      case 'cancel':
        return this.#running.get(order.job)?.abort()
      case 'answer':
        return answered(order.job, decodePayload(order.payload) as Answer)
      case 'stop':
        this.#stopping = true
        return void this.#exitIfDone()
    }
  }

  async #start(start: StartOrder): Promise<void> {
    try {
      this.#maxPayloadBytes = start.maxPayloadBytes
      openQuestions.maxPayloadBytes = start.maxPayloadBytes
      await whileLoading(start.module, async () => {
        this.#exports = exportsOf((await import(start.module)) as Exports)
        if (start.initializer !== null) await this.#function(start.initializer)(...start.initArgs)
      })
      this.#channel.send({ type: 'ready' })
    } catch (error) {
      this.#channel.send({ type: 'broken', payload: encodePayload(toFailure(error)) })
      await this.#channel.end()
      process.exit(1)
    }
  }

  #run(id: number, payload: Payload): void {
    const job = new RunningJob(String(id))
    this.#running.set(id, job)
    this.#channel.sendNow({ type: 'accepted', job: id }, () => this.#call(id, job, payload))
  }

  #call(id: number, job: RunningJob, payload: Payload): void {
    let value: unknown
    let pending: Promise<unknown> | null
    try {
      const [name, ...args] = decodePayload(payload) as [string, ...unknown[]]
      const fn = this.#function(name)
      value = runInContext(job, () => fn(...args))
      pending = isThenable(value) ? Promise.resolve(value) : null
    } catch (error) {
      return this.#failed(id, error)
    }
    if (pending === null) return this.#succeeded(id, value)
    pending.then(
      (settled) => this.#succeeded(id, settled),
      (error) => this.#failed(id, error),
    )
  }

  #succeeded(id: number, value: unknown): void {
    let payload: Payload
    try {
      payload = encodePayload(value)
    } catch (cause) {
      const reason = toFailure(cause).message
      const text = `The result of the job cannot be sent: ${reason}. Return plain data, or the parts of it that are needed`
      return this.#failed(id, new CaromError('CAROM_RESULT_UNENCODABLE', text, { cause }))
    }
    const size = payload.bytes.length
    if (size > this.#maxPayloadBytes) {
      const text = `The result of the job has ${size} bytes, over the limit of ${this.#maxPayloadBytes}. Return a reference to it (a file, a key) instead`
      return this.#failed(id, new CaromError('CAROM_RESULT_TOO_LARGE', text, { sizeBytes: size }))
    }
    this.#running.delete(id)
    this.#channel.send({ type: 'succeeded', job: id, payload })
    void this.#exitIfDone()
  }

  #failed(id: number, error: unknown): void {
    this.#running.delete(id)
    this.#channel.send({ type: 'failed', job: id, payload: encodePayload(toFailure(error)) })
    void this.#exitIfDone()
  }

  #function(name: string): (...args: unknown[]) => unknown {
    const fn = Object.hasOwn(this.#exports, name) ? this.#exports[name] : undefined
    if (typeof fn === 'function') return fn as (...args: unknown[]) => unknown
    const known = Object.keys(this.#exports).filter((key) => typeof this.#exports[key] === 'function')
    const text = `The module exports no function "${name}"; it has: ${known.join(', ') || 'none'}`
    throw new CaromError('CAROM_EXPORT_UNKNOWN', text, { export: name })
  }

  async #exitIfDone(): Promise<void> {
    if (!this.#stopping || this.#running.size > 0) return
    await this.#channel.end()
    process.exit()
  }
}

/** A CommonJS module's functions are seen on `default` where Node could not name them. */
function exportsOf(namespace: Exports): Exports {
  const inner = namespace.default
  const isCommonJs = 'module.exports' in namespace || (typeof inner === 'object' && inner !== null)
  return isCommonJs ? { ...(inner as Exports), ...namespace } : { ...namespace }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function answered(question: number, answer: Answer): void {
  const open = openQuestions.take(question)
  if (answer[0] === 'ok') return open?.resolve(answer[1])
  const failure = readFailure(answer[1])
  const error = new Error(failure.message)
  error.name = failure.name
  if (failure.code !== null) Object.assign(error, { code: failure.code })
  open?.reject(error)
}
