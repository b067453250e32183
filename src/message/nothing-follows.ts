import type { UncheckedMessage } from './headers.ts'
import { JSON_CONTENT_TYPE } from './serializers.ts'

/**
 * Whether a body shows, without being decoded, that no task follows this one: its last bytes are an empty embed, as
 * Carom or Python writes it. False only means that it has to be decoded to be known.
 *
 * In a body that is JSON nothing else can end like that: within a text each of these quotes would be escaped.
 */
export function showsThatNothingFollows({ body, contentType, headers }: UncheckedMessage): boolean {
  if (contentType !== JSON_CONTENT_TYPE || typeof headers.compression === 'string') return false
  const tail = Buffer.from(body.buffer, body.byteOffset, body.byteLength).subarray(-LONGEST)
  return ENDS.some((end) => tail.length >= end.length && tail.subarray(-end.length).equals(end))
}

const ENDS = [
  '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
  '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
].map((end) => Buffer.from(end))
const LONGEST = Math.max(...ENDS.map(({ length }) => length))
