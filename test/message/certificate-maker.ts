/** Makes certificates as a test wants them: any issuer, any dates. */
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'

export interface Identity {
  readonly key: string
  readonly certificate: string
}

export interface CertificateWish {
  /** Pairs of attribute and value, in order. @default one CN, `carom test` */
  readonly issuer?: readonly (readonly [keyof typeof OIDS, string])[]
  /** @default 1 */
  readonly serial?: number
  readonly validFrom?: Date
  readonly validTo?: Date
  readonly keyPassword?: string
  readonly modulusBits?: number
}

/** A private key and its self-signed certificate, in PEM. */
export function makeIdentity(wish: CertificateWish = {}): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: wish.modulusBits ?? 2048 })
  const { keyPassword: passphrase } = wish
  const key = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    ...(passphrase !== undefined && { cipher: 'aes-256-cbc', passphrase }),
  })
  return { key: String(key), certificate: certificateOf(wish, privateKey, publicKey) }
}

function certificateOf(wish: CertificateWish, privateKey: KeyObject, publicKey: KeyObject): string {
  const { issuer = [['CN', 'carom test']], serial = 1 } = wish
  const name = der(0x30, ...issuer.map(([attribute, value]) => relativeName(OIDS[attribute], value)))
  const validity = der(
    0x30,
    time(wish.validFrom ?? new Date('2020-01-01T00:00:00Z')),
    time(wish.validTo ?? new Date('2049-12-31T00:00:00Z')),
  )
  const number = Buffer.from(serial.toString(16).padStart(16, '0'), 'hex')
  const toSign = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, number.subarray(number.findIndex((byte) => byte !== 0))),
    ALGORITHM,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = createSign('sha256').update(toSign).sign(privateKey)
  const whole = der(0x30, toSign, ALGORITHM, der(0x03, Buffer.of(0), signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function relativeName(oid: Buffer, value: string): Buffer {
  return der(0x31, der(0x30, oid, der(0x0c, Buffer.from(value))))
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\D/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content])
  const size = Buffer.from(content.length.toString(16).padStart(4, '0'), 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, content])
}

const ALGORITHM = Buffer.from('300d06092a864886f70d01010b0500', 'hex')
const OIDS = {
  CN: Buffer.from('0603550403', 'hex'),
  C: Buffer.from('0603550406', 'hex'),
  L: Buffer.from('0603550407', 'hex'),
  O: Buffer.from('060355040a', 'hex'),
  OU: Buffer.from('060355040b', 'hex'),
}
