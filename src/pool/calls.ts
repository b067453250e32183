/** From a call to its result: what happens between a caller's promise and the pool. */
import { CaromError } from '../errors.ts'
import { onAbort } from './abort-signals.ts'
import type { PoolEngine } from './engine.ts'
import type { CallListener, CallRequest, PoolCall } from './job.ts'
import { deliver } from './outcome.ts'
import type { Outcome } from './parent/state.ts'
import { withResolvers } from './with-resolvers.ts'

export interface StartedCall<R> {
  readonly call: PoolCall
  readonly result: Promise<R>
}

/** @throws CaromError, RangeError if it cannot be given to the pool; `CAROM_JOB_CANCELLED` for an aborted signal. */
export function startCall<R>(engine: PoolEngine, request: CallRequest): StartedCall<R> {
  const { promise, resolve, reject } = withResolvers<R>()
  const { signal } = request.options
  const settled = (outcome: Outcome): void => deliverUnlessAborted(call, signal, outcome, resolve, reject)
  const call = executeAbortable(engine, request, { settled })
  return { call, result: promise }
}

/** A result counts though its signal was aborted; whatever else became of the call, to its caller it was aborted. */
export function deliverUnlessAborted<R>(
  call: PoolCall,
  signal: AbortSignal | undefined,
  outcome: Outcome,
  resolve: (value: R) => void,
  reject: (error: Error) => void,
): void {
  if (signal?.aborted && outcome.type !== 'succeeded') reject(abortError(call.name, signal))
  else deliver(call, outcome, resolve, reject)
}

/**
 * A call that its options' `signal` takes back. Aborting asks the job to stop, and ends it with its child if it has not
 * done so in the pool's `stopTimeoutMs`: a caller who has given up is not kept waiting by a function that does not
 * listen.
 *
 * @throws as {@link startCall}.
 */
export function executeAbortable(engine: PoolEngine, request: CallRequest, listener: CallListener): PoolCall {
  const { signal } = request.options
  // What is falsy and not `undefined` is refused there.
  if (!signal) return engine.execute(request, listener)
  if (signal.aborted) throw abortError(request.name, signal)
  const call = engine.execute(request, {
    ...listener,
    settled: (outcome) => {
      forget()
      listener.settled(outcome)
    },
  })
  const forget = onAbort(signal, () => giveUpCall(engine, call))
  return call
}

/** Nobody wants its result: it is asked to stop, and killed if it does not. */
export function giveUpCall(engine: PoolEngine, call: PoolCall): void {
  engine.cancel(call)
  if (call.state === 'settled') return
  setTimeout(() => engine.terminateJob(call), engine.options.stopTimeoutMs).unref()
}

export function abortError(name: string, signal: AbortSignal): CaromError {
  return new CaromError('CAROM_JOB_CANCELLED', `The call of "${name}" was aborted`, { cause: signal.reason })
}
