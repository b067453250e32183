export function noop(value: number): number {
  return value
}
