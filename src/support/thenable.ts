/** What may be awaited, whoever's promise it is. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const mayHaveOne = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return mayHaveOne && typeof (value as { then?: unknown }).then === 'function'
}
