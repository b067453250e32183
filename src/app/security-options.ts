/** Keys and certificates of an app that signs its messages. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { checkKeys, outOfRange, wrongType } from '../canvas/rules.ts'
import { CaromError } from '../errors.ts'
import { SigningError } from '../message/certificates.ts'
import type { PlainSerializer } from '../message/serializers.ts'
import { type Digest, type Packing, Security } from '../message/signing.ts'

/**
 * Celery's `security_key`, `security_certificate` and `security_cert_store`: RSA keys and X.509 certificates in PEM, each
 * as a path or as the text itself. Read when the first message is sent, and in every child of a worker when it starts.
 */
export interface SecurityOptions {
  /** The private key that signs. */
  readonly key: string
  readonly keyPassword?: string | undefined
  /** The certificate of `key`. Receivers need it in their `certStore`. */
  readonly certificate: string
  /** Whose signatures are believed: files with one certificate or more, folders of such files, or PEM texts. */
  readonly certStore: string | readonly string[]
  /** The same for all who send and receive. @default 'sha256' */
  readonly digest?: Digest | undefined
  /** What is inside the signature. Of what others signed, this and `json` are read. @default 'json' */
  readonly serializer?: PlainSerializer | undefined
  /** `celery-5.4` for receivers with Celery 5.4 or older. Both are read. @default 'celery-5.5' */
  readonly packing?: Packing | undefined
}

/** Never shows what was given: it may be the key. @throws TypeError, RangeError */
export function checkSecurity(options: SecurityOptions, what: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Cannot set ${what}: expected { key, certificate, certStore }`)
  }
  checkKeys(options, KEYS, `option of ${what}`)
  const { key, keyPassword, certificate, certStore, digest, serializer, packing } = options
  const texts = { key, certificate, ...(keyPassword !== undefined && { keyPassword }) }
  for (const [name, value] of Object.entries(texts)) {
    if (typeof value !== 'string' || value === '') throw new TypeError(`Cannot set ${what}: ${name} has to be text`)
  }
  if (!listOf(certStore).every((entry) => typeof entry === 'string' && entry !== '')) {
    throw new TypeError(`Cannot set ${what}: certStore has to be a path, a PEM text, or an array of these`)
  }
  checkOneOf(digest, DIGESTS, `digest of ${what}`)
  checkOneOf(serializer, PLAIN, `serializer of ${what}`)
  checkOneOf(packing, PACKINGS, `packing of ${what}`)
}

/** @throws CaromError `CAROM_SECURITY_UNUSABLE`, without anything of the key in its text or its cause. */
export function loadSecurity(app: string, options: SecurityOptions): Security {
  try {
    return new Security({
      key: pemOf('key', options.key),
      keyPassword: options.keyPassword ?? null,
      certificate: pemOf('certificate', options.certificate),
      certificates: listOf(options.certStore).flatMap(pemsOf),
      digest: options.digest ?? 'sha256',
      serializer: options.serializer ?? 'json',
      packing: options.packing ?? 'celery-5.5',
    })
  } catch (error) {
    if (error instanceof SigningError) throw securityUnusable(app, error.reason)
    throw error
  }
}

export function securityUnusable(app: string, reason: string): CaromError {
  const text = `App "${app}" cannot sign or verify messages: ${reason}. Correct its option security`
  return new CaromError('CAROM_SECURITY_UNUSABLE', text, { app })
}

/** The text itself, or the file's. What cannot be read is not shown: it may be a key that lost its first line. */
function pemOf(name: string, value: string): string {
  if (value.includes('-----BEGIN')) return value
  try {
    return readFileSync(value, 'utf8')
  } catch (error) {
    throw unreadable(name, error)
  }
}

function pemsOf(entry: string): string[] {
  if (entry.includes('-----BEGIN')) return [entry]
  try {
    if (!statSync(entry).isDirectory()) return [readFileSync(entry, 'utf8')]
    const files = readdirSync(entry, { withFileTypes: true }).filter((file) => !file.isDirectory())
    return files.map(({ name }) => readFileSync(join(entry, name), 'utf8'))
  } catch (error) {
    throw unreadable('certStore', error)
  }
}

function unreadable(name: string, error: unknown): SigningError {
  const code = String((error as { code?: unknown }).code)
  return new SigningError(`${name} is neither PEM nor the path of a file that can be read (${code})`)
}

function listOf<T>(entries: T | readonly T[]): readonly T[] {
  return Array.isArray(entries) ? entries : [entries as T]
}

function checkOneOf(value: unknown, known: readonly string[], what: string): void {
  if (value === undefined) return
  const rule = known.map((name) => `"${name}"`).join(' or ')
  if (typeof value !== 'string') throw wrongType(value, what, rule)
  if (!known.includes(value)) throw outOfRange(value, what, rule)
}

const KEYS = ['key', 'keyPassword', 'certificate', 'certStore', 'digest', 'serializer', 'packing']
const DIGESTS: readonly Digest[] = ['sha256', 'sha384', 'sha512']
const PLAIN: readonly PlainSerializer[] = ['json', 'msgpack', 'yaml']
const PACKINGS: readonly Packing[] = ['celery-5.5', 'celery-5.4']
