/**
 * Headers and properties as JSON text. Of messages that are sent one after the other most are alike: of calls of one
 * task only the ids differ. So what was written last is kept, cut where the ids stand in it, and the next one that is
 * the same between the cuts is not written anew. Written anew each time they take most of what a call in bulk does.
 */
import { randomUUID } from 'node:crypto'
import { NO_STAMPS, NO_TIME_LIMITS } from './headers.ts'
import { encodeWireJson } from './wire-json.ts'

type Fields = Readonly<Record<string, unknown>>

/** As `encodeWireJson` writes them. @throws UnencodableError whose path begins with `root` */
export function headersText(headers: Fields, root: string): string {
  return lastHeaders.write(headers, root)
}

/** As {@link headersText}. */
export function propertiesText(properties: Fields, root: string): string {
  return lastProperties.write(properties, root)
}

class LastFields {
  readonly #ids: ReadonlySet<string>
  /** Those of the last object, in its order. */
  #names: readonly string[] = []
  #values: readonly unknown[] = []
  /** What stands before, between and after the ids. */
  #pieces: readonly string[] = []

  constructor(...ids: readonly string[]) {
    this.#ids = new Set(ids)
  }

  write(fields: Fields, root: string): string {
    return this.#alike(fields) ?? this.#learn(fields, root)
  }

  /** `null` where anything but an id is another. */
  #alike(fields: Fields): string | null {
    const [names, values, pieces] = [this.#names, this.#values, this.#pieces]
    let text = pieces[0] as string
    let at = 0
    let cut = 0
    for (const name in fields) {
      const value = fields[name]
      if (name !== names[at]) return null
      if (values[at] === ID) {
        if (typeof value !== 'string') return null
        text += JSON.stringify(value) + pieces[++cut]
      } else if (value !== values[at]) return null
      at++
    }
    return at === names.length && at > 0 ? text : null
  }

  #learn(fields: Fields, root: string): string {
    const text = encodeWireJson(fields, { root })
    const names = Object.keys(fields)
    const values = names.map((name) => (this.#ids.has(name) ? ID : fields[name]))
    if (text.length > MAX_LENGTH || !values.every(isForever)) return text
    const cut = Object.fromEntries(names.map((name) => [name, this.#ids.has(name) ? CUT : fields[name]]))
    const pieces = encodeWireJson(cut).split(`"${CUT}"`)
    const ids = values.filter((value) => value === ID)
    if (pieces.length === ids.length + 1) [this.#names, this.#values, this.#pieces] = [names, values, pieces]
    return text
  }
}

/** Whether it has the same text wherever it is met again. What an object holds may have changed by then. */
function isForever(value: unknown): boolean {
  if (typeof value === 'function') return false
  return typeof value !== 'object' || value === null || value === NO_TIME_LIMITS || value === NO_STAMPS
}

const ID = Symbol('id')
const CUT = randomUUID()
// One message's worth is kept for as long as the process lives.
const MAX_LENGTH = 4096
const lastHeaders = new LastFields('id', 'root_id')
const lastProperties = new LastFields('correlation_id')
