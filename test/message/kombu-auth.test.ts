/** Signatures both ways with celery.security itself: the packing of Celery 5.4 and older, which Debian has. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Security, type SigningMaterial } from '../../src/message/signing.ts'
import { makeIdentity } from './certificate-maker.ts'
import { lacking, Python } from './python.ts'

const skip = lacking('python3-celery', 'python3-cryptography')
let python: Python
before(() => {
  if (skip === false) python = new Python()
})
after(() => python?.end())

const IDENTITIES = [
  makeIdentity({ serial: 1 }),
  makeIdentity({
    serial: 2 ** 47,
    issuer: [
      ['C', 'GB'],
      ['O', 'Analytical, "Engines" + Söhne'],
      ['CN', ' #a\\b=c;d '],
    ],
  }),
  makeIdentity({ serial: 3, modulusBits: 4096 }),
]
const BODY = '[[1, "grüße"], {"a": null}, {}]'
const EXPRESSION = "[[1, 'grüße'], {'a': None}, {}]"
const certificates = IDENTITIES.map(({ certificate }) => certificate)

function securityOf(index: number, changes: Partial<SigningMaterial> = {}): Security {
  const identity = IDENTITIES[index] as (typeof IDENTITIES)[number]
  return new Security({
    ...identity,
    keyPassword: null,
    certificates,
    digest: 'sha256',
    serializer: 'json',
    packing: 'celery-5.4',
    ...changes,
  })
}

for (const [index, { key, certificate }] of IDENTITIES.entries()) {
  test(`what Celery signs with certificate ${index} is verified, and what we sign Celery verifies`, {
    skip,
  }, async () => {
    const with_ = { key, certificate, certificates, serializer: 'json', expression: EXPRESSION }
    const theirs = await python.ask({ ask: 'sign', ...with_ })
    assert.equal(theirs.error, undefined)
    const { contentType, contentEncoding, body } = securityOf(0).verify(
      Buffer.from(String(theirs.body), 'base64'),
      Date.now(),
    )
    assert.deepEqual([contentType, contentEncoding], ['application/json', 'utf-8'])
    assert.deepEqual(JSON.parse(Buffer.from(body).toString()), JSON.parse(BODY))

    const ours = Buffer.from(securityOf(index).sign(Buffer.from(BODY), Date.now())).toString('base64')
    const read = await python.ask({ ask: 'verify', ...with_, body: ours })
    assert.deepEqual([read.error, read.equal], [undefined, true])
  })
}

test('Celery refuses what was altered after we signed it, as we do', { skip }, async () => {
  const identity = IDENTITIES[0] as (typeof IDENTITIES)[number]
  const raw = Buffer.from(Buffer.from(securityOf(0).sign(Buffer.from(BODY), Date.now())).toString(), 'base64')
  raw[raw.length - 3] = 0x5d
  const altered = Buffer.from(raw.toString('base64'))
  assert.throws(() => securityOf(0).verify(altered, Date.now()), /signature does not fit/)
  const asked = {
    ...identity,
    certificates,
    serializer: 'json',
    expression: EXPRESSION,
    body: altered.toString('base64'),
  }
  assert.match(String((await python.ask({ ask: 'verify', ...asked })).error), /SecurityError/)
})
