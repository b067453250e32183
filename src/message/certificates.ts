/** Keys and certificates in PEM, and the name under which Celery knows a certificate. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { quoted } from './invalid-message.ts'

/** A key or a certificate that cannot be used. Its text holds nothing of the key's. */
export class SigningError extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(`Cannot sign or verify: ${reason}`)
    this.name = 'SigningError'
    this.reason = reason
  }
}

/** @throws SigningError */
export function readKey(pem: string, password: string | null): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, ...(password !== null && { passphrase: password }) })
  } catch (error) {
    // OpenSSL's own text and its cause are left out: nothing of a key gets into an error.
    const code = (error as { code?: unknown }).code
    throw new SigningError(`the key is no private key in PEM, or its password is wrong (${String(code)})`)
  }
  if (key.asymmetricKeyType === 'rsa') return key
  throw new SigningError(`the key is ${key.asymmetricKeyType}, and Celery signs with RSA`)
}

/** Of one PEM text, in their order; at least one. `what` names it in errors. @throws SigningError */
export function readCertificates(what: string, pem: string): X509Certificate[] {
  const texts = pem.match(PEM_CERTIFICATE) ?? []
  if (texts.length === 0) throw new SigningError(`${what} holds no certificate in PEM`)
  return texts.map((text) => {
    try {
      const certificate = new X509Certificate(text)
      if (certificate.publicKey.asymmetricKeyType === 'rsa') return certificate
    } catch {
      throw new SigningError(`${what} holds a certificate that cannot be read`)
    }
    throw new SigningError(`${what} holds a certificate whose key is not RSA`)
  })
}

/** @throws SigningError */
export function byId(certificates: readonly X509Certificate[]): ReadonlyMap<string, X509Certificate> {
  const known = new Map<string, X509Certificate>()
  for (const certificate of certificates) {
    const id = certificateId(certificate)
    const other = known.get(id)
    if (other !== undefined && !other.raw.equals(certificate.raw)) {
      throw new SigningError(`certStore holds two certificates of the same issuer and number, ${quoted(id)}`)
    }
    known.set(id, certificate)
  }
  return known
}

/** The end of a sentence; `null` for one that is valid. */
export function whyOutdated({ validFrom, validTo }: X509Certificate, nowMs: number): string | null {
  if (!(nowMs < Date.parse(validTo))) return `has expired (${validTo})`
  return nowMs >= Date.parse(validFrom) ? null : `is not valid yet (${validFrom})`
}

/** The values of its issuer in their order, and its number. */
export function certificateId({ issuer, serialNumber }: X509Certificate): string {
  const values = issuer.split('\n').flatMap((line) => line.split(BETWEEN_PARTS).map(unescaped))
  // No issuer may give a number below zero, and some have.
  const number = BigInt(`0x${serialNumber.replace('-', '')}`)
  return `${values.join(' ')} ${serialNumber.startsWith('-') ? -number : number}`
}

/** Node writes `CN=value`, escaped as RFC 2253 has it: a backslash before a sign, or before the two digits of a byte. */
function unescaped(part: string): string {
  const escaped = part.slice(part.indexOf('=') + 1)
  if (!escaped.includes('\\')) return escaped
  const bytes = Buffer.from(escaped)
  const value: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte !== BACKSLASH) {
      value.push(byte)
      continue
    }
    const hex = bytes.toString('latin1', at + 1, at + 3)
    const isByte = /^[0-9A-Fa-f]{2}$/.test(hex)
    value.push(isByte ? Number.parseInt(hex, 16) : (bytes[at + 1] ?? BACKSLASH))
    at += isByte ? 2 : 1
  }
  return Buffer.from(value).toString()
}

const BACKSLASH = 0x5c
/** Between the parts of one level; a plus sign in a value is escaped. */
const BETWEEN_PARTS = ' + '
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g
