/**
 * The seam between an app and the worker whose child it was loaded in. A child holds no broker connection: what its
 * tasks send goes through here to the worker, which publishes it. Kept on a global symbol, since the user's copy of
 * Carom and the worker's own may be two.
 */
import type { Outgoing } from '../brokers/broker.ts'

export interface Inside {
  /** Resolves when the broker has confirmed every message. */
  publish(messages: readonly Outgoing[]): Promise<void>
}

const KEY = Symbol.for('carom.inside')
const shared = globalThis as { [KEY]?: Inside }

/** Called once by the worker's child, before the app's module is loaded. */
export function enterChild(inside: Inside): void {
  shared[KEY] = inside
}

/** The worker's end when this process is a worker's child; `undefined` everywhere else. */
export function insideChild(): Inside | undefined {
  return shared[KEY]
}
