/** Ways to spoil data: bytes, text and values. All of them draw from one `Random`, so that a seed brings each back. */
import { pick, type Random } from '../pool/random.ts'

export function spoilBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const { length } = bytes
  const at = Math.floor(random() * (length + 1))
  const some = Math.floor(random() ** 3 * Math.min(64, length)) + 1
  const noise = Uint8Array.from({ length: some }, () => random() * 256)
  switch (Math.floor(random() * 7)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + some)])
    case 1:
      return bytes.slice(0, at)
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + some)])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - some))])
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(PIECES, random)), bytes.subarray(at)])
    case 5:
      return noise
    default: {
      // Not slice(), which of a Buffer is a view.
      const flipped = Uint8Array.from(bytes)
      if (length > 0) flipped[at % length] = (flipped[at % length] as number) ^ (1 << Math.floor(random() * 8))
      return flipped
    }
  }
}

export function spoilText(text: string, random: Random): string {
  const at = Math.floor(random() * (text.length + 1))
  const removed = Math.floor(random() ** 4 * 40)
  const inserted =
    random() < 0.5 ? pick(PIECES, random) : String.fromCharCode(random() * (random() < 0.9 ? 128 : 65_536))
  switch (Math.floor(random() * 4)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + text.slice(at + removed)
    default:
      return text.slice(0, at) + inserted + text.slice(at + removed)
  }
}

/** A copy of JSON data in which one thing is gone, is another, or is somewhere else. */
export function spoilValue(value: unknown, random: Random): unknown {
  const copy = structuredClone(value)
  const places = placesIn(copy)
  if (places.length === 0) return pick(STRANGERS, random)
  const [holder, key] = pick(places, random)
  switch (Math.floor(random() * 6)) {
    case 0:
      delete holder[key]
      break
    case 1:
      holder[key] = pick(places, random)[0]
      // What contains itself is no JSON, and nobody could send it.
      return isTree(copy) ? copy : value
    case 2:
      holder[spoilText(key, random)] = holder[key]
      break
    case 3:
      if (typeof holder[key] === 'string') holder[key] = spoilText(holder[key] as string, random)
      break
    default:
      holder[key] = pick(STRANGERS, random)
  }
  return copy
}

type Holder = Record<string, unknown>

function placesIn(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Holder
  return Object.keys(holder).flatMap((key) => [[holder, key] as [Holder, string], ...placesIn(holder[key])])
}

function isTree(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

const POISON = JSON.parse(
  '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
) as object
const STRANGERS: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  3.7,
  1e300,
  2 ** 60,
  '',
  'x',
  '\u0000',
  '\ud800',
  'x'.repeat(2_000),
  [],
  [[]],
  {},
  POISON,
  { __type__: 'datetime', __value__: 'never' },
  { __type__: 'base64', __value__: '!' },
  { __type__: 'uuid', __value__: { hex: 'z' } },
  { task: 'a' },
  'constructor',
  '__proto__',
  '2026-13-40',
  '1e5',
]
const PIECES = [
  'null',
  '{}',
  '[]',
  '"',
  '\\',
  'NaN',
  '-Infinity',
  '1e999',
  '9'.repeat(50),
  '"__proto__":',
  '{"__proto__":{"polluted":1}}',
  '[[[[[[[[',
  '\\ud800',
  '&a [*a]',
  '*a',
  '!!python/object/apply:os.system ["id"]',
  '? ',
  '---\n',
  '\u00c1\u00c7',
  '\u00dd\u00ff\u00ff\u00ff\u00ff',
  '\u0000\u0001',
  '=',
]
