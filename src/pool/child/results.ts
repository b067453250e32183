/** What leaves a child on behalf of a job: encoded, and no larger than the pool allows. */
import { CaromError } from '../../errors.ts'
import { toFailure } from '../../support/failure.ts'
import type { Payload } from '../protocol/frame.ts'
import { encodePayload, lendPayload } from '../protocol/payload.ts'

export interface ResultLimits {
  readonly maxPayloadBytes: number
  readonly sharesMemory: boolean
}

/**
 * `what` it is, as the error names it.
 *
 * @throws CaromError `CAROM_RESULT_UNENCODABLE`, `CAROM_RESULT_TOO_LARGE`.
 */
export function encodeWithin({ maxPayloadBytes, sharesMemory }: ResultLimits, what: string, value: unknown): Payload {
  let payload: Payload
  try {
    // A channel to another process is done with the memory when it has taken the report.
    payload = sharesMemory ? encodePayload(value, true) : lendPayload(value)
  } catch (cause) {
    const reason = toFailure(cause).message
    const text = `The ${what} of the job cannot be sent: ${reason}. Give plain data, or the parts of it that are needed`
    throw new CaromError('CAROM_RESULT_UNENCODABLE', text, { cause })
  }
  const sizeBytes = payload.bytes.length
  if (sizeBytes <= maxPayloadBytes) return payload
  const text = `The ${what} of the job has ${sizeBytes} bytes, over the limit of ${maxPayloadBytes}. Give a reference to it (a file, a key) instead`
  throw new CaromError('CAROM_RESULT_TOO_LARGE', text, { sizeBytes })
}
