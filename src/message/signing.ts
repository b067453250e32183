/**
 * Celery's serializer `auth`: a body signed with RSA-PSS by the holder of a certificate. The signature covers the body
 * alone, neither the headers (the task's name, its id) nor against being sent a second time; nothing is encrypted.
 */
import { constants, type KeyObject, sign, verify, type X509Certificate } from 'node:crypto'
import { byId, certificateId, readCertificates, readKey, SigningError, whyOutdated } from './certificates.ts'
import { quoted } from './invalid-message.ts'
import { type PlainSerializer, SERIALIZERS } from './serializers.ts'
import { decodeBase64 } from './wire-json-tags.ts'

export type Digest = 'sha256' | 'sha384' | 'sha512'
/** How the parts lie in a signed body: since Celery 5.5 signer and signature are in base64, before that they were bare. */
export type Packing = 'celery-5.5' | 'celery-5.4'

export interface SigningMaterial {
  /** PEM. */
  readonly key: string
  readonly keyPassword: string | null
  /** PEM, of `key`. */
  readonly certificate: string
  /** PEM texts, each with one certificate or several: those whose signatures are believed. */
  readonly certificates: readonly string[]
  readonly digest: Digest
  readonly serializer: PlainSerializer
  readonly packing: Packing
}

/** A body whose signature does not hold. `reason` says why, as the end of a sentence. */
export class UnverifiedError extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(`Not verified: the body ${reason}`)
    this.name = 'UnverifiedError'
    this.reason = reason
  }
}

export interface SignedContent {
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
}

export class Security {
  /** What is inside a signature. */
  readonly serializer: PlainSerializer
  readonly #key: KeyObject
  readonly #certificate: X509Certificate
  readonly #known: ReadonlyMap<string, X509Certificate>
  readonly #digest: Digest
  readonly #packing: Packing

  /** @throws SigningError for what is no key or certificate, no RSA, or does not belong together. */
  constructor(material: SigningMaterial) {
    this.serializer = material.serializer
    this.#key = readKey(material.key, material.keyPassword)
    this.#certificate = readCertificates('certificate', material.certificate)[0] as X509Certificate
    this.#known = byId(material.certificates.flatMap((pem) => readCertificates('certStore', pem)))
    this.#digest = material.digest
    this.#packing = material.packing
    if (!this.#certificate.checkPrivateKey(this.#key)) throw new SigningError('the certificate is not that of the key')
  }

  /** The signed body around one that `serializer` has written. @throws SigningError when the certificate is out of date */
  sign(body: Uint8Array, nowMs: number): Uint8Array {
    const outdated = whyOutdated(this.#certificate, nowMs)
    if (outdated !== null) throw new SigningError(`the certificate ${outdated}`)
    const signature = sign(this.#digest, body, {
      key: this.#key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
    })
    const signer = Buffer.from(certificateId(this.#certificate))
    const bare = this.#packing === 'celery-5.4'
    const { contentType, contentEncoding } = SERIALIZERS[this.serializer]
    const parts = [
      bare ? signer : base64(signer),
      bare ? signature : base64(signature),
      Buffer.from(contentType),
      Buffer.from(contentEncoding),
      body,
    ]
    return base64(Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [SEPARATOR, part]))))
  }

  /** What is inside. @throws UnverifiedError */
  verify(signed: Uint8Array, nowMs: number): SignedContent {
    const { certificate, signature, rest } = this.#unpack(signed)
    const [contentType, afterType] = cutAt(rest)
    const [contentEncoding, body] = cutAt(afterType)
    const outdated = whyOutdated(certificate, nowMs)
    if (outdated !== null) throw new UnverifiedError(`is signed with a certificate that ${outdated}`)
    if (!isSignature(this.#digest, body, certificate, signature)) {
      throw new UnverifiedError('is not what its signer signed: the signature does not fit')
    }
    return { contentType: contentType.toString(), contentEncoding: contentEncoding.toString(), body }
  }

  #unpack(signed: Uint8Array): { certificate: X509Certificate; signature: Buffer; rest: Buffer } {
    const raw = unbase64(Buffer.from(signed.buffer, signed.byteOffset, signed.byteLength))
    if (raw === null) throw notSigned()
    const [head, afterHead] = cutAt(raw)
    if (head.byteLength > MAX_ID_BYTES) throw notSigned()
    const bare = this.#known.get(head.toString())
    // A bare signature may hold what separates the parts: only the key tells where it ends.
    if (bare !== undefined) {
      const size = signatureBytes(bare)
      const rest = afterHead.subarray(size)
      if (!rest.subarray(0, SEPARATOR.byteLength).equals(SEPARATOR)) throw notSigned()
      return { certificate: bare, signature: afterHead.subarray(0, size), rest: rest.subarray(SEPARATOR.byteLength) }
    }
    const id = unbase64(head)?.toString() ?? head.toString()
    const certificate = this.#known.get(id)
    if (certificate === undefined)
      throw new UnverifiedError(`is signed by ${quoted(id)}, whose certificate is not in certStore`)
    const [encoded, rest] = cutAt(afterHead)
    const signature = unbase64(encoded)
    if (signature === null) throw notSigned()
    return { certificate, signature, rest }
  }
}

function isSignature(digest: Digest, body: Buffer, { publicKey }: X509Certificate, signature: Buffer): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING
  try {
    return verify(digest, body, { key: publicKey, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature)
  } catch {
    // The key is too small for the digest, say.
    return false
  }
}

function signatureBytes({ publicKey }: X509Certificate): number {
  return (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >> 3
}

/** What lies before the next separator, and after it. */
function cutAt(bytes: Buffer): [Buffer, Buffer] {
  const at = bytes.indexOf(SEPARATOR)
  if (at === -1) throw notSigned()
  return [bytes.subarray(0, at), bytes.subarray(at + SEPARATOR.byteLength)]
}

function notSigned(): UnverifiedError {
  return new UnverifiedError('is not a signed one: its parts are not there')
}

function base64(bytes: Uint8Array): Buffer {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'))
}

function unbase64(text: Buffer): Buffer | null {
  return decodeBase64(text.toString('latin1'))
}

const SEPARATOR = Buffer.from([0, 1])
const MAX_ID_BYTES = 4096
