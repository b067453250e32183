/**
 * The child's life: load the module, then run what comes, report how it went, and exit when told to.
 *
 * A job is reported as accepted before its payload is decoded, or its ticket says that it has begun: whatever the payload
 * does to this process from then on is the job's doing, and the parent knows which job it was. What arrives waits,
 * unlooked at, until its turn comes; and since functions that never wait would keep the loop from its channel, the
 * channel is read between them now and then: an order that takes a waiting job back is heard before the job begins. For
 * the same reason the parent is told between them now and then of what has ended.
 */
import { runInContext } from '../../job/context.ts'
import { toFailure } from '../../support/failure.ts'
import { isThenable } from '../../support/thenable.ts'
import type { Payload } from '../protocol/frame.ts'
import type { Answer, CallForm, CallOrder, StartOrder, ToChild, ToParent } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'
import type { Tickets } from '../protocol/tickets.ts'
import { callAs } from './call-forms.ts'
import type { Channel, ChannelListener } from './channel.ts'
import { type Exports, functionOf, loadExports } from './exports.ts'
import { runInterruptibly } from './interruption.ts'
import { OpenQuestions } from './open-questions.ts'
import { Outlet } from './outlet.ts'
import { encodeWithin } from './results.ts'
import { RunningJob } from './running-job.ts'

type JobOrder = Extract<ToChild, { readonly type: CallForm }>

/** Runs `load`, which loads that module; the place to note it. */
export type WhileLoading = (module: string, load: () => Promise<void>) => Promise<void>

export class ChildLoop implements ChannelListener {
  readonly questions: OpenQuestions
  readonly #channel: Channel
  readonly #tickets: Tickets | null
  readonly #whileLoading: WhileLoading
  readonly #running = new Map<number, RunningJob>()
  /** In the order of arrival. */
  readonly #waiting: JobOrder[] = []
  #exports: Exports = {}
  #maxPayloadBytes = 0
  #credits = 1
  #interrupts = false
  readonly #tellProgress = (job: number, value: unknown): void => {
    const payload = this.#encode('progress', value)
    // A timer of the job may outlive it: nobody listens any more.
    if (this.#running.has(job)) this.#channel.sendLatest({ type: 'progressed', job, payload })
  }
  #stopping = false
  #fills: 'not' | 'soon' | 'after reading' = 'not'
  /** When the channel was last read, as far as this loop knows. */
  #readAtMs = 0

  constructor(channel: Channel, whileLoading: WhileLoading, tickets: Tickets | null = null) {
    this.#channel = channel
    this.#tickets = tickets
    this.#whileLoading = whileLoading
    const send = (question: number, payload: Payload) => this.#channel.send({ type: 'asked', job: question, payload })
    this.questions = new OpenQuestions(send, channel.sharesMemory)
  }

  order(order: ToChild): void {
    switch (order.type) {
      case 'call':
      case 'map':
      case 'starmap':
      case 'stream':
        if (this.#fills === 'not') this.#readAtMs = performance.now()
        this.#waiting.push(order)
        return this.#fillSoon()
      case 'recall':
        return this.#giveBack(order.job)
      case 'cancel':
        return this.#running.get(order.job)?.cancel()
      case 'expire':
        return this.#running.get(order.job)?.expire()
      case 'credit':
        return this.#running.get(order.job)?.outlet?.add(order.amount)
      case 'answer':
        return this.questions.answer(order.job, decodePayload(order.payload) as Answer)
      case 'start':
        return void this.#start(decodePayload(order.payload) as StartOrder)
      case 'stop':
        this.#stopping = true
        return this.#leaveIfDone()
    }
  }

  /** The pool has given this child up, and cannot end it: what runs is asked to stop, and heard no more. */
  abandon(): void {
    this.#waiting.length = 0
    for (const job of this.#running.values()) job.cancel()
    this.questions.close()
  }

  async #start(start: StartOrder): Promise<void> {
    try {
      this.#maxPayloadBytes = start.maxPayloadBytes
      this.#credits = start.credits
      this.#interrupts = start.interrupts
      this.questions.maxPayloadBytes = start.maxPayloadBytes
      await this.#whileLoading(start.module, async () => {
        this.#exports = await loadExports(start.module)
        if (start.initializer !== null) await functionOf(this.#exports, start.initializer)(...start.initArgs)
      })
      this.#channel.sendNow({ type: 'ready', amount: this.#tickets === null ? 0 : 1 }, () => {})
    } catch (error) {
      this.#channel.send({ type: 'broken', payload: encodePayload(toFailure(error)) })
      this.#channel.leave(1)
    }
  }

  /** Runs a job of no account, so that the first that counts finds all compiled. */
  static rehearse(): void {
    const loop = new ChildLoop(NOWHERE, async () => {})
    loop.#exports = { rehearse: (value: unknown) => value }
    loop.#maxPayloadBytes = Number.POSITIVE_INFINITY
    loop.order({ type: 'call', job: 1, payload: encodePayload(['rehearse', 0, null]) })
  }

  #accept(order: JobOrder, nowMs: number): void {
    const { job: id, amount: ticket = 0 } = order
    if (ticket > 0 && this.#tickets?.begin(ticket) === false) return
    const outlet = order.type === 'stream' ? this.#outlet(id) : null
    const job = new RunningJob(id, nowMs, outlet, this.#tellProgress)
    this.#running.set(id, job)
    if (ticket === 0) return this.#channel.sendNow({ type: 'accepted', job: id }, () => this.#call(order, job))
    // This one may take long, and may end the process.
    this.#channel.secure?.()
    this.#call(order, job)
  }

  /** What has a ticket was taken back with that: the parent knows. */
  #giveBack(id: number): void {
    const at = this.#waiting.findIndex(({ job }) => job === id)
    if (at === -1) return
    const [order] = this.#waiting.splice(at, 1)
    if (!order?.amount) this.#channel.send({ type: 'recalled', job: id })
  }

  #outlet(id: number): Outlet {
    return new Outlet((value) => {
      this.#channel.send({ type: 'yielded', job: id, payload: this.#encode('yielded value', value) })
    })
  }

  #call(order: JobOrder, job: RunningJob): void {
    let value: unknown
    let pending: Promise<unknown> | null
    try {
      const call = decodePayload(order.payload) as CallOrder
      job.softTimeLimitMs = call[1]
      const fn = functionOf(this.#exports, call[0])
      const run = () => callAs(order.type, fn, call.slice(2), job)
      value = runInContext(job, this.#interrupts && call[1] > 0 ? () => runInterruptibly(run, job) : run)
      pending = isThenable(value) ? Promise.resolve(value) : null
    } catch (error) {
      return this.#failed(order.job, job, error)
    }
    if (pending === null) return this.#succeeded(order.job, job, value)
    pending.then(
      (settled) => this.#succeeded(order.job, job, settled),
      (error) => this.#failed(order.job, job, error),
    )
  }

  #succeeded(id: number, job: RunningJob, value: unknown): void {
    let payload: Payload
    try {
      payload = this.#encode('result', value)
    } catch (error) {
      return this.#failed(id, job, error)
    }
    this.#ended({ type: 'succeeded', job: id, amount: microsSince(job.startedAtMs), payload })
  }

  #failed(id: number, job: RunningJob, error: unknown): void {
    const payload = encodePayload(toFailure(error))
    this.#ended({ type: 'failed', job: id, amount: microsSince(job.startedAtMs), payload })
  }

  #ended(report: ToParent & { readonly job: number }): void {
    this.#running.delete(report.job)
    // Asked for before the report is: so both leave in one write.
    if (this.#waiting.length > 0) this.#fillSoon()
    this.#channel.send(report)
    if (this.#stopping) this.#leaveIfDone()
  }

  /** In a turn of its own: what came in one piece is there, and what ends at once does not pile up on the stack. */
  #fillSoon(): void {
    if (this.#fills !== 'not') return
    this.#fills = 'soon'
    process.nextTick(() => this.#fill())
  }

  #fill(): void {
    let toldAtMs = performance.now()
    while (this.#waiting.length > 0 && this.#running.size < this.#credits) {
      const nowMs = performance.now()
      if (nowMs - this.#readAtMs > UNREAD_MS) return this.#fillAfterReading()
      if (nowMs - toldAtMs > UNTOLD_MS) {
        toldAtMs = nowMs
        this.#channel.flush?.()
      }
      this.#accept(this.#waiting.shift() as JobOrder, nowMs)
    }
    this.#fills = 'not'
    if (this.#running.size > 0) this.#channel.begun?.()
    // All that waited may have been taken back.
    if (this.#stopping) this.#leaveIfDone()
  }

  /** An immediate that is set while the channel is read runs before the next reading, the one that it sets after it. */
  #fillAfterReading(): void {
    this.#fills = 'after reading'
    setImmediate(() =>
      setImmediate(() => {
        this.#readAtMs = performance.now()
        this.#fill()
      }),
    )
  }

  #leaveIfDone(): void {
    if (this.#running.size === 0 && this.#waiting.length === 0) this.#channel.leave()
  }

  #encode(what: string, value: unknown): Payload {
    const { sharesMemory } = this.#channel
    return encodeWithin({ maxPayloadBytes: this.#maxPayloadBytes, sharesMemory }, what, value)
  }
}

/** Nobody hears what is said here. */
const NOWHERE: Channel = {
  sharesMemory: false,
  send: () => {},
  sendLatest: () => {},
  sendNow: (_, sent) => sent(),
  leave: () => {},
}

/** How long functions that never wait may keep the channel from being read. */
const UNREAD_MS = 10
/** How long they may keep the parent from being told what has ended. It looks itself when one of them takes long. */
const UNTOLD_MS = 1

function microsSince(startedAtMs: number): number {
  return Math.min(0xffff_ffff, Math.round((performance.now() - startedAtMs) * 1_000))
}
