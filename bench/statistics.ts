/** The few statistics that every table shows. */

export interface Summary {
  readonly median: number
  readonly p99: number
  readonly min: number
  readonly max: number
}

export function summary(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
  return { median: at(0.5), p99: at(0.99), min: at(0), max: at(1) }
}

export function range(values: readonly number[]): string {
  const { min, max } = summary(values)
  const digits = max < 100 ? 1 : 0
  return `${min.toFixed(digits)} - ${max.toFixed(digits)}`
}
