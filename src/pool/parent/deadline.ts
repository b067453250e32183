/**
 * A timer for what a child has to do. After a stall of this process its timers run before what the children said
 * meanwhile is read; so the deadline has passed only once that was read. It does not keep a script alive.
 */
export function deadline(passed: () => void, afterMs: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(passed), afterMs).unref()
}
