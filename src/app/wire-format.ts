/** How an app's messages are written and read: what its options say, its tasks, and each call. */
import type { Compression } from '../canvas/rules.ts'
import { checkCompression, checkSerializer, outOfRange, wrongType } from '../canvas/rules.ts'
import type { ReadOptions } from '../message/body.ts'
import { contentTypesOf, isPickle, SERIALIZERS, type SerializerName } from '../message/serializers.ts'
import type { Security } from '../message/signing.ts'
import type { Writing } from '../message/write-body.ts'
import { checkSecurity, loadSecurity, type SecurityOptions } from './security-options.ts'

export interface ContentOptions {
  /**
   * What calls are written in, unless task or call say otherwise: `json`, `msgpack`, `yaml`, or `auth`, which is signed.
   *
   * @default 'auth' with `security`, else 'json'
   */
  readonly serializer?: SerializerName | undefined
  /** What bodies are compressed with, unless task or call say otherwise. @default 'none' */
  readonly compression?: Compression | undefined
  /**
   * What the app's workers read, as names or content types; anything else is quarantined unread. Pickle is always
   * refused. @default `['auth']` with `security`, else `['json']` and the app's `serializer`
   */
  readonly acceptContent?: readonly string[] | undefined
  /** Signs what is sent and verifies what is read. Whoever reads the app's source reads what is written here: name files. */
  readonly security?: SecurityOptions | undefined
}

/** What a task or a call may say of how it is written. `undefined` and `null` say nothing. */
export interface ContentChoice {
  readonly serializer?: SerializerName | null | undefined
  readonly compression?: Compression | null | undefined
}

export interface WireFormat {
  /** Content types. */
  readonly acceptContent: readonly string[]
  /**
   * Reads keys and certificates, where the app has any, unless they have been read.
   *
   * @throws CaromError `CAROM_SECURITY_UNUSABLE`
   */
  prepare(): void
  /** @throws CaromError `CAROM_SECURITY_UNUSABLE` */
  readOptions(): ReadOptions
  /**
   * What the call says counts, then what its task says, then the app.
   *
   * @throws CaromError `CAROM_SECURITY_UNUSABLE`
   * @throws TypeError for `auth` in an app without `security`.
   */
  writing(call: ContentChoice, task: ContentChoice): Writing
}

/** @throws TypeError, RangeError */
export function checkContentOptions(options: ContentOptions, owner: string): void {
  const { serializer, compression, acceptContent, security } = options
  if (security !== undefined) checkSecurity(security, `security ${owner}`)
  if (serializer !== undefined) checkSerializer(serializer, `serializer ${owner}`)
  if (compression !== undefined) checkCompression(compression, `compression ${owner}`)
  if (acceptContent !== undefined) checkAcceptContent(acceptContent, `acceptContent ${owner}`)
  if (security !== undefined) return
  if (serializer === 'auth' || acceptContent?.includes('auth') === true) {
    throw new TypeError(`Cannot use "auth" as serializer or acceptContent ${owner} without the option security`)
  }
}

/** `options` have been checked. */
export function createWireFormat(app: string, options: ContentOptions, maxBodyBytes: number): WireFormat {
  const { compression: defaultCompression = 'none', acceptContent } = options
  // Not a property of anything: who prints an app sees no key.
  const { security: material } = options
  const defaultSerializer = options.serializer ?? (material === undefined ? 'json' : 'auth')
  const accepted = acceptContent ?? (material === undefined ? ['json', defaultSerializer] : ['auth'])
  const accept = new Set(accepted.flatMap((name) => contentTypesOf(name) ?? []))
  let loaded: Security | null = null
  const security = () => {
    if (material !== undefined) loaded ??= loadSecurity(app, material)
    return loaded
  }
  return {
    acceptContent: [...accept],
    prepare: () => void security(),
    readOptions: () => ({ accept, security: security() }),
    writing: (call, task) => {
      const serializer = call.serializer ?? task.serializer ?? defaultSerializer
      const compression = call.compression ?? task.compression ?? defaultCompression
      if (serializer === 'auth' && material === undefined) {
        throw new TypeError(
          `Cannot sign a message of app "${app}": it has no option security, with key and certificate`,
        )
      }
      return {
        serializer,
        compression: compression === 'none' ? null : compression,
        security: serializer === 'auth' ? security() : null,
        maxBytes: maxBodyBytes,
      }
    },
  }
}

/** @throws TypeError for a task whose calls no worker of this app would read, or which nobody can sign. */
export function checkTaskContent(task: string, { serializer }: ContentChoice, format: WireFormat): void {
  if (serializer === undefined || serializer === null) return
  if (format.acceptContent.includes(SERIALIZERS[serializer].contentType)) return
  throw new TypeError(
    `Cannot set serializer of task "${task}" to "${serializer}": the app's acceptContent does not list it, so that no ` +
      'worker of the app would read its calls',
  )
}

function checkAcceptContent(value: unknown, what: string): void {
  if (!Array.isArray(value) || value.length === 0) throw wrongType(value, what, ACCEPT_RULE)
  for (const name of value) {
    if (typeof name !== 'string') throw wrongType(name, `an entry of ${what}`, ACCEPT_RULE)
    if (isPickle(name)) {
      throw new RangeError(
        `Cannot list "${name}" in ${what}: reading a pickle runs code of its sender, it is never read`,
      )
    }
    if (contentTypesOf(name) === null) throw outOfRange(name, `an entry of ${what}`, ACCEPT_RULE)
  }
}

const ACCEPT_RULE = 'an array of "json", "msgpack", "yaml", "auth", "raw" or their content types'
