/** What a child's loop speaks to, whatever its parent is to it: another process, another thread, or this one. */
import type { ToChild, ToParent } from '../protocol/messages.ts'

export interface ChannelListener {
  order(order: ToChild): void
}

export type Progress = Extract<ToParent, { readonly type: 'progressed' }>

export interface Channel {
  /**
   * Shared memory in what is sent stays one memory on both sides. Otherwise it cannot be sent, and what is lent has been
   * written or copied when a method here returns.
   */
  readonly sharesMemory: boolean
  send(report: ToParent): void
  /** A job with a ticket has begun: the parent is to know of it soon. */
  begun?(): void
  /** Nothing that this child does next takes back what was sent, though the parent may not be told of it yet. */
  secure?(): void
  /** Lets what was sent leave now, and tells the parent, where that is not so anyway. */
  flush?(): void
  /**
   * Sends at once, also out of a loop that never waits. Where nobody reads, the next one of the same job may take its
   * place.
   */
  sendLatest(report: Progress): void
  /**
   * Calls `sent` once nothing that this child does next can take the report back: a loop without end, its death. Not at
   * all if the child is over by then.
   */
  sendNow(report: ToParent, sent: () => void): void
  /** The child's last act: when what was sent has left, it ends. */
  leave(exitCode?: number): void
}
