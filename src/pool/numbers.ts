/** Numbers that callers give: checked, and refused by the name of their option. */

// setTimeout fires at once for anything larger.
export const MAX_TIMER_MS = 2 ** 31 - 1

/** @throws RangeError */
export function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`Cannot set ${name} to ${value}: expected an integer from ${least} to ${most}`)
}

/** @throws RangeError */
export function optionalInteger(
  name: string,
  value: number | undefined,
  least: number,
  most: number,
): number | undefined {
  return value === undefined ? undefined : integer(name, value, least, most)
}
