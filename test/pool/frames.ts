/** Frames as the bytes that travel. */
import { type Frame, FrameWriter } from '../../src/pool/protocol/frame.ts'

export function toBytes(sent: readonly Frame[]): Buffer {
  const writer = new FrameWriter()
  for (const frame of sent) writer.add(frame)
  return Buffer.concat(writer.take())
}
