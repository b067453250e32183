export interface BackoffOptions {
  /** The longest delay before the first retry. */
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * How long to wait before retry number `attempt` (0 is the first). The bound doubles with each one up to `maxMs`, and
 * the delay is a random share of it, so that those who failed together do not come back together.
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: BackoffOptions): number {
  const boundMs = Math.min(maxMs, firstMs * 2 ** attempt)
  return boundMs * (0.5 + Math.random() / 2)
}
