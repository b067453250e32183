import type { Call } from './call.ts'

/** What a signature sends itself through, so that calls as data know nothing of the app. */
export interface Sender<Handle> {
  /**
   * Sends all calls in one publish: all of them or none. Resolves with a handle for each, in order, once the broker
   * has confirmed them.
   */
  send(calls: readonly Call[]): Promise<Handle[]>
}
