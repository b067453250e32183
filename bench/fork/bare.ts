/** Jobs whose module loads nothing: what there is to load was loaded before, or nothing is. */

export function noop(): void {}

/** Garbage for the collector. */
export function allocate(count: number): number {
  let kept: object[] = []
  for (let i = 0; i < count; i++) {
    kept.push({ i, text: `item ${i}` })
    if (kept.length > 50_000) kept = []
  }
  return kept.length
}

/** Nothing but arithmetic. */
export function compute(rounds: number): number {
  const step = (sum: number, i: number) => (sum * 31 + i) % 1_000_003
  let sum = 0
  for (let i = 0; i < rounds; i++) sum = step(sum, i)
  return sum
}
