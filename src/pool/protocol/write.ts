/** Writing past the event loop: what is written is with the kernel, whatever happens to this process next. */
import { writeSync, writevSync } from 'node:fs'

/**
 * Writes what fits and gives the rest; `parts` is used up. Half the price of a write through a stream.
 *
 * @throws Error for anything but a lack of room; then nothing was written.
 */
export function writeParts(fd: number, parts: Buffer[]): Buffer[] {
  let written = 0
  try {
    written = parts.length === 1 ? writeSync(fd, parts[0] as Buffer) : writevSync(fd, parts)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
  let first = 0
  while (first < parts.length && written >= (parts[first] as Buffer).length) {
    written -= (parts[first++] as Buffer).length
  }
  const rest = parts.slice(first)
  if (rest.length > 0) rest[0] = (rest[0] as Buffer).subarray(written)
  return rest
}
