import type { FollowUps } from '../../canvas/follow-ups.ts'
import type { FollowedUp } from '../orders.ts'

export const NOTHING_MORE: FollowUps = { messages: [], chords: [], parts: [], ended: [] }

/** What a built-in task gives that sends messages with its result, or has to be done later. */
export class Continued {
  readonly value: unknown
  /** Nothing is stored: its message is sent again. */
  readonly isLater: boolean
  readonly followUps: FollowedUp

  constructor({ value = null, isLater = false, followUps }: Partial<Continued> & Pick<Continued, 'followUps'>) {
    this.value = value
    this.isLater = isLater
    this.followUps = followUps
  }
}
