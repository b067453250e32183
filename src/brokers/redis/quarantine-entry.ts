/**
 * What lies in the quarantine, as text. The envelope is kept as it came: what is wrong with it may be a byte. Of one too
 * large to be read an entry has the beginning, and all of it lies beside the entries.
 */
import { toFailure } from '../../support/failure.ts'
import type { QuarantinedMessage } from '../broker.ts'
import { type Keys, stepOf } from './keys.ts'
import { counted, freshEnvelope, readEnvelope, type TakenMessage } from './taken-message.ts'

interface Entry {
  readonly queue: string
  readonly reason: string
  readonly atMs: number
  readonly count: 'lease' | 'crash' | 'foreign'
  /** Base64. */
  readonly envelope: string
  /** Of the whole envelope, where only its beginning is here. */
  readonly bytes?: number
}

export function entryOf(
  queue: string,
  envelope: Buffer,
  reason: string,
  { count, bytes }: Pick<Entry, 'count' | 'bytes'>,
): string {
  const entry: Entry = {
    queue,
    reason,
    atMs: Date.now(),
    count,
    envelope: envelope.toString('base64'),
    ...(bytes === undefined ? {} : { bytes }),
  }
  return JSON.stringify(entry)
}

/** `null` for an entry that is none: somebody else wrote it. `id` is its own name in the quarantine. */
export function readEntry(id: string, text: string): QuarantinedMessage | null {
  const entry = parse(text)
  if (entry === null) return null
  const { message, counts } = read(Buffer.from(entry.envelope, 'base64'))
  const { id: taskId } = message.headers as { id?: unknown }
  return {
    taskId: typeof taskId === 'string' && taskId !== '' ? taskId : `unnamed-${id}`,
    queue: entry.queue,
    message,
    counts: counted(counts, entry.count),
    reason: entry.reason,
    atMs: entry.atMs,
  }
}

/** A message on its way out of the quarantine. `envelope` is `null` where it lies beside the entries. */
export interface Leaving {
  /** '' for nowhere. */
  readonly list: string
  readonly envelope: string | Buffer | null
}

/** Where a message goes that is given another try, with its counts at zero. */
export function replayOf(text: string, keys: Keys): Leaving | null {
  const entry = parse(text)
  if (entry === null) return null
  if (entry.bytes !== undefined) return { list: keys.list(entry.queue, 0), envelope: null }
  const envelope = Buffer.from(entry.envelope, 'base64')
  const step = stepOf(read(envelope).message.properties.priority)
  const list = keys.list(entry.queue, step)
  try {
    return { list, envelope: freshEnvelope(envelope, entry.queue) }
  } catch {
    // No envelope at all: it comes back here, and says again why.
    return { list, envelope }
  }
}

/** What can be read of it; of what is no envelope the bytes are the body. */
function read(envelope: Buffer): TakenMessage {
  try {
    return readEnvelope(envelope)
  } catch (error) {
    const headers = { task: '', id: '', 'x-carom-problem': toFailure(error).message }
    const content = { contentType: 'application/octet-stream', contentEncoding: 'binary', body: envelope }
    return { message: { headers, properties: {}, ...content }, counts: { deliveries: 0, crashes: 0, foreign: 0 } }
  }
}

function parse(text: string): Entry | null {
  try {
    const entry = JSON.parse(text) as Partial<Entry> | null
    const { queue, reason, atMs, envelope, count, bytes } = entry ?? {}
    const isText = [queue, reason, envelope].every((part) => typeof part === 'string')
    if (!isText || typeof atMs !== 'number' || !['number', 'undefined'].includes(typeof bytes)) return null
    return { ...(entry as Entry), count: count === 'crash' || count === 'foreign' ? count : 'lease' }
  } catch {
    return null
  }
}
