/**
 * Headers that are nested by the thousand overflow the stack of the library's reader, which then gives the connection
 * up. RabbitMQ delivers them again on the next one, and so nothing behind them would ever be read. Here they are marked
 * as unreadable instead, and end in the quarantine.
 */
import { createRequire } from 'node:module'

/** Stands for headers that could not be read. */
export const UNREADABLE: Readonly<Record<string, unknown>> = Object.freeze({})

type Read = (bytes: number) => Promise<Buffer>
interface Codec {
  decodeFrame(read: Read): Promise<unknown>
}

/** Of all connections of this process; once. */
export function guardFrames(): void {
  if (isGuarded) return
  isGuarded = true
  const codec = createRequire(import.meta.url)('rabbitmq-client/lib/codec.js') as Codec
  const { decodeFrame } = codec
  codec.decodeFrame = async (read) => {
    const reads: Promise<Buffer>[] = []
    try {
      return await decodeFrame((bytes) => {
        const reading = read(bytes)
        reads.push(reading)
        return reading
      })
    } catch (error) {
      // The frame was read to its end, so the next one can be.
      const [head, payload] = await Promise.all(reads)
      if (!(error instanceof RangeError) || head?.[0] !== HEADER_FRAME || payload === undefined) throw error
      const bodySize = Number(payload.readBigUInt64BE(BODY_SIZE_AT))
      return { type: HEADER_FRAME, channelId: head.readUInt16BE(1), bodySize, fields: { headers: UNREADABLE } }
    }
  }
}

let isGuarded = false
const HEADER_FRAME = 2
const BODY_SIZE_AT = 4
