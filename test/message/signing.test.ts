import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { decodeBody } from '../../src/message/body.ts'
import { certificateId, SigningError } from '../../src/message/certificates.ts'
import { type Packing, Security, type SigningMaterial, UnverifiedError } from '../../src/message/signing.ts'
import { buildTaskMessage, readTask } from '../../src/message/task-message.ts'
import { PLAIN_JSON } from '../../src/message/write-body.ts'
import { makeIdentity } from './certificate-maker.ts'
import { messageOf } from './wire-fixtures.ts'

const NOW = Date.parse('2030-01-01T00:00:00Z')
const ACCEPT = new Set(['application/data'])
const ours = makeIdentity({
  serial: 7,
  issuer: [
    ['C', 'GB'],
    ['O', 'Analytical, "Engines"'],
    ['CN', 'Ada + Söhne'],
  ],
})
const theirs = makeIdentity({ serial: 8, modulusBits: 3072 })
const stranger = makeIdentity({ serial: 9 })

function security(changes: Partial<SigningMaterial> = {}): Security {
  return new Security({
    ...ours,
    keyPassword: null,
    certificates: [ours.certificate + theirs.certificate],
    digest: 'sha256',
    serializer: 'json',
    packing: 'celery-5.5',
    ...changes,
  })
}

function signedMessage(by: Security, body: string) {
  return messageOf(by.sign(Buffer.from(body), NOW), {}, { contentType: 'application/data' })
}

for (const packing of ['celery-5.5', 'celery-5.4'] satisfies Packing[]) {
  test(`what is signed with the packing of ${packing} is read, whoever of the known signed it`, () => {
    for (const identity of [ours, theirs]) {
      const message = signedMessage(security({ ...identity, packing }), '[["grüße"],{},{}]')
      assert.deepEqual(readTask(message, { accept: ACCEPT, security: security() }).args, ['grüße'])
    }
  })

  test(`no byte of a body with the packing of ${packing} can be altered`, () => {
    const signed = Buffer.from(security({ packing }).sign(Buffer.from('[[1],{},{}]'), NOW))
    const raw = Buffer.from(signed.toString(), 'base64')
    // What follows the signature and is not the body is not signed: altered, it is refused for what it says.
    for (let at = 0; at < raw.length; at++) {
      const altered = Buffer.from(raw)
      altered[at] = (altered[at] as number) ^ 0x41
      const body = Buffer.from(altered.toString('base64'))
      try {
        const message = messageOf(body, {}, { contentType: 'application/data' })
        assert.deepEqual(decodeBody(message, { accept: ACCEPT, security: security() }), [[1], {}, {}])
        const encoding = raw.indexOf('utf-8')
        // The last digit of base64 has bits to spare.
        const isSpare = raw[at + 1] === 0x3d
        assert.ok(isSpare || (at >= encoding && at < encoding + 5), `byte ${at} was altered and nobody has seen it`)
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'CAROM_MESSAGE_INVALID', String(error))
      }
    }
  })
}

test('a certificate has the name that Celery gives it, whatever its issuer is called', () => {
  assert.equal(certificateId(new X509Certificate(ours.certificate)), 'GB Analytical, "Engines" Ada + Söhne 7')
  const odd = makeIdentity({
    serial: 2 ** 40,
    issuer: [
      ['O', ' #a=b\\c;d<e> '],
      ['OU', 'ä\u0001'],
      ['L', '/+,'],
    ],
  })
  assert.equal(certificateId(new X509Certificate(odd.certificate)), ` #a=b\\c;d<e>  ä\u0001 /+, ${2 ** 40}`)
})

test('a signature of an unknown signer, of one out of date, or of another digest is refused', () => {
  const verify = (signed: Uint8Array, by = security()) => by.verify(signed, NOW)
  const body = Buffer.from('[[],{},{}]')
  const refused = (signed: Uint8Array, reason: RegExp, by = security(), nowMs = NOW) =>
    assert.throws(
      () => by.verify(signed, nowMs),
      (error) => error instanceof UnverifiedError && reason.test(error.reason),
    )
  refused(security(stranger).sign(body, NOW), /is signed by "carom test 9", whose certificate is not in certStore/)
  const signed = security().sign(body, NOW)
  assert.deepEqual(Buffer.from(verify(signed).body), body)
  refused(signed, /has expired/, security(), Date.parse('2050-01-01T00:00:00Z'))
  refused(signed, /not valid yet/, security(), Date.parse('2019-12-31T00:00:00Z'))
  refused(signed, /does not fit/, security({ digest: 'sha512' }))
  // Somebody else's key under a known name.
  const forger = makeIdentity({ serial: 8 })
  refused(security(forger).sign(body, NOW), /does not fit/)
  for (const garbage of ['', 'x', 'AAAA', '!!!!', '{}', 'AAEAAQABAAEAAQ==']) {
    refused(Buffer.from(garbage), /is not a signed one|is signed by ""/)
  }
  assert.throws(() => security().sign(body, Date.parse('2050-01-01T00:00:00Z')), SigningError)
})

test('inside a signature is JSON or what this side writes itself, and never a pickle', () => {
  const yaml = security({ serializer: 'yaml' })
  const message = signedMessage(yaml, '[[1],{},{}]')
  assert.deepEqual(decodeBody(message, { accept: ACCEPT, security: yaml }), [[1], {}, {}])
  assert.throws(
    () => decodeBody(message, { accept: ACCEPT, security: security() }),
    /"application\/x-yaml" in it is refused/,
  )
  const raw = Buffer.from(Buffer.from(security().sign(Buffer.from('cos\nsystem'), NOW)).toString(), 'base64')
  const pickled = Buffer.from(
    raw.toString('latin1').replace('application/json', 'application/x-python-serialize'),
    'latin1',
  )
  const pickle = messageOf(Buffer.from(pickled.toString('base64')), {}, { contentType: 'application/data' })
  assert.throws(
    () => decodeBody(pickle, { accept: ACCEPT, security: security() }),
    /x-python-serialize" in it is refused/,
  )
})

test('a call is serialised, signed, and compressed, in this order', () => {
  for (const serializer of ['json', 'msgpack', 'yaml'] as const) {
    const by = security({ serializer })
    const writing = { ...PLAIN_JSON, serializer: 'auth', compression: 'gzip', security: by } as const
    const message = buildTaskMessage({ task: 'shop.add', id: '1', args: [new Date(5)], kwargs: {} }, NOW, writing)
    assert.deepEqual(
      [message.contentType, message.contentEncoding, message.headers.compression],
      ['application/data', 'utf-8', 'application/x-gzip'],
    )
    assert.deepEqual(readTask(message, { accept: ACCEPT, security: by }).args, [new Date(5)])
  }
})

test('what is no key, no certificate, or not a pair is refused, and no text of an error holds anything of a key', () => {
  const locked = makeIdentity({ keyPassword: 'open sesame' })
  assert.doesNotThrow(() => security({ ...locked, keyPassword: 'open sesame' }))
  const cases: [Partial<SigningMaterial>, RegExp][] = [
    [{ key: locked.key, certificate: locked.certificate }, /no private key in PEM, or its password is wrong/],
    [{ ...locked, keyPassword: 'wrong' }, /no private key in PEM, or its password is wrong/],
    [{ key: ours.key.replace(/\n.*\n/, '\n') }, /no private key/],
    [{ key: theirs.key }, /not that of the key/],
    [{ certificate: ours.key }, /certificate holds no certificate/],
    [{ certificates: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'] }, /cannot be read/],
    [{ certificates: [theirs.certificate, makeIdentity({ serial: 8 }).certificate] }, /two certificates/],
  ]
  for (const [changes, reason] of cases) {
    assert.throws(
      () => security(changes),
      (error) => {
        assert.ok(error instanceof SigningError && reason.test(error.reason), String(error))
        assert.equal(error.cause, undefined)
        const line = (changes.key ?? ours.key).split('\n')[1] as string
        assert.ok(!String(error.stack).includes(line))
        return true
      },
    )
  }
})
