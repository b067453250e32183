/**
 * Durations and sizes as a person writes them: always with a unit. Elsewhere in the field a bare `30` means seconds
 * and a bare memory limit KiB, in our code they mean milliseconds and bytes, so here a bare number means nothing.
 */

/**
 * Milliseconds from `500ms`, `30s`, `2m`, `1.5h` or `1d`.
 *
 * @throws RangeError saying what to write.
 */
export function parseDurationMs(text: string): number {
  return parse(text, DURATION)
}

/**
 * Bytes from `512B`, `64KiB`, `200MiB` or `1.5GiB`.
 *
 * @throws RangeError saying what to write.
 */
export function parseBytes(text: string): number {
  return parse(text, SIZE)
}

/** `340ms`, `12.4s`, `3m 20s`, `2h 5m`, `3d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${trimmed(ms / 1_000)}s`
  const [large, small] =
    ms < 3_600_000 ? (['m', 's'] as const) : ms < 86_400_000 ? (['h', 'm'] as const) : (['d', 'h'] as const)
  const whole = Math.floor(ms / factor(DURATION, large))
  const rest = Math.floor((ms - whole * factor(DURATION, large)) / factor(DURATION, small))
  return rest === 0 ? `${whole}${large}` : `${whole}${large} ${rest}${small}`
}

/** `312 B`, `4.5 KiB`, `61.2 MiB`, `1.1 GiB`. */
export function formatBytes(bytes: number): string {
  const unit = bytes < 1_024 ? 'B' : bytes < 1_024 ** 2 ? 'KiB' : bytes < 1_024 ** 3 ? 'MiB' : 'GiB'
  return `${trimmed(bytes / factor(SIZE, unit))} ${unit}`
}

interface Measure {
  readonly name: string
  readonly units: readonly (readonly [unit: string, factor: number])[]
  /** The two that a bare number is likely to mean. */
  readonly readings: readonly [string, string]
}

const DURATION: Measure = {
  name: 'duration',
  units: [
    ['ms', 1],
    ['s', 1_000],
    ['m', 60_000],
    ['h', 3_600_000],
    ['d', 86_400_000],
  ],
  readings: ['s', 'ms'],
}

const SIZE: Measure = {
  name: 'size',
  units: [
    ['B', 1],
    ['KiB', 1_024],
    ['MiB', 1_024 ** 2],
    ['GiB', 1_024 ** 3],
  ],
  readings: ['KiB', 'B'],
}

function parse(text: string, measure: Measure): number {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]*)$/.exec(text.trim())
  const known = measure.units.map(([unit]) => unit)
  if (match === null) {
    const example = measure === DURATION ? '30s or 500ms' : '200MiB or 64KiB'
    throw new RangeError(`"${text}" is no ${measure.name}. Write a number with its unit, as in ${example}`)
  }
  const [, digits = '', unit = ''] = match
  if (unit === '') {
    const [likely, other] = measure.readings
    throw new RangeError(`${digits} what? Write ${digits}${likely} or ${digits}${other}`)
  }
  if (!known.includes(unit))
    throw new RangeError(`Unknown unit "${unit}". Write ${digits} with one of ${known.join(', ')}`)
  return Math.round(Number(digits) * factor(measure, unit))
}

function factor({ units }: Measure, unit: string): number {
  return units.find(([name]) => name === unit)?.[1] ?? Number.NaN
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '')
}
