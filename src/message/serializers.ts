/** The serialisers: their names in options, and what they are on the wire. A closed table: nothing registers another. */
import { decodeWireJson } from './wire-json.ts'
import { encodeMsgpack } from './wire-msgpack-encode.ts'
import { encodeYaml } from './wire-yaml-encode.ts'

/** Those that say what values are. */
export type PlainSerializer = 'json' | 'msgpack' | 'yaml'
/** What a call can be written with. `auth` is a signature around one of the others. */
export type SerializerName = PlainSerializer | 'auth'

export const JSON_CONTENT_TYPE = 'application/json'
/** Kombu has it for `auth` and for raw bytes: which of them it is depends on whether the reader knows certificates. */
export const AUTH_CONTENT_TYPE = 'application/data'
export const TEXT_CONTENT_TYPE = 'text/plain'

export const SERIALIZERS: Readonly<Record<SerializerName, { contentType: string; contentEncoding: string }>> = {
  json: { contentType: JSON_CONTENT_TYPE, contentEncoding: 'utf-8' },
  msgpack: { contentType: 'application/x-msgpack', contentEncoding: 'binary' },
  yaml: { contentType: 'application/x-yaml', contentEncoding: 'utf-8' },
  auth: { contentType: AUTH_CONTENT_TYPE, contentEncoding: 'utf-8' },
}

/** Content types by what an option may call them: kombu's names, and the content types themselves. */
const READABLE: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...Object.entries(SERIALIZERS).map(([name, { contentType }]) => [name, [contentType]] as const),
  ['raw', [TEXT_CONTENT_TYPE, AUTH_CONTENT_TYPE]],
  ...[...Object.values(SERIALIZERS).map(({ contentType }) => contentType), TEXT_CONTENT_TYPE].map(
    (type) => [type, [type]] as const,
  ),
])

/** The content types that `name` stands for, itself one or kombu's name; `null` for what can never be read. */
export function contentTypesOf(name: string): readonly string[] | null {
  return READABLE.get(name) ?? null
}

export function isSerializerName(name: unknown): name is SerializerName {
  return typeof name === 'string' && Object.hasOwn(SERIALIZERS, name)
}

/** Names of pickle in options, and on the wire. Reading one runs whatever its sender wrote into it. */
export function isPickle(name: string): boolean {
  return PICKLES.has(name)
}

const PICKLES: ReadonlySet<string> = new Set(['pickle', 'application/x-python-serialize', 'application/x-python'])

/**
 * The bytes of a value that was written as JSON text: so every serialiser carries the same values, and refuses the same.
 *
 * @param root what errors call the value.
 * @throws UnencodableError for what JSON can carry and `serializer` cannot: an integer beyond 64 bits in msgpack, half a
 *   surrogate pair anywhere but in JSON.
 */
export function serialize(json: string, serializer: PlainSerializer, root: string): Uint8Array {
  switch (serializer) {
    case 'json':
      return Buffer.from(json)
    case 'msgpack':
      return encodeMsgpack(decodeWireJson(json), root)
    case 'yaml':
      return Buffer.from(encodeYaml(decodeWireJson(json), root))
  }
}
