/** What an app, a task and a call say about how messages are written and read. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { Carom } from '../../src/app/app.ts'
import type { CaromOptions } from '../../src/app/app-options.ts'
import { APP } from '../../src/app/internals.ts'
import { isCaromError } from '../../src/errors.ts'
import { whyNotCompress } from '../../src/message/compression.ts'
import { makeIdentity } from '../message/certificate-maker.ts'
import { createApp, memoryUrl, openDesk } from './desk.ts'

const identity = makeIdentity()
const security = { ...identity, certStore: identity.certificate }

test('the call says what it is written in, else its task, else its app', async (t) => {
  const broker = memoryUrl()
  const app = createApp(t, {
    broker,
    serializer: 'msgpack',
    compression: 'gzip',
    acceptContent: ['json', 'msgpack', 'yaml'],
  })
  const desk = await openDesk(t, broker)
  const plain = app.task('shop.plain', () => 1)
  const odd = app.task('shop.odd', { serializer: 'yaml', compression: 'brotli' }, () => 1)
  await plain.delay()
  await odd.delay()
  await odd.applyAsync([], { serializer: 'json', compression: 'none' })
  await odd.applyMany([[]], { compression: 'gzip' })
  await odd.s().set({ serializer: 'msgpack' }).delay()
  const sent: unknown[] = []
  for (let index = 0; index < 5; index++) {
    const { contentType, headers } = (await desk.next()).message
    sent.push([contentType.split('/')[1], headers.compression])
  }
  assert.deepEqual(sent, [
    ['x-msgpack', 'application/x-gzip'],
    ['x-yaml', 'application/x-brotli'],
    ['json', undefined],
    ['x-yaml', 'application/x-gzip'],
    ['x-msgpack', 'application/x-brotli'],
  ])
})

test('an app reads JSON and what it writes, unless it lists something', () => {
  const accepted = (options: CaromOptions) => new Carom('shop', options)[APP].format.acceptContent
  assert.deepEqual(accepted({}), ['application/json'])
  assert.deepEqual(accepted({ serializer: 'msgpack' }), ['application/json', 'application/x-msgpack'])
  assert.deepEqual(accepted({ acceptContent: ['application/x-yaml', 'msgpack'] }), [
    'application/x-yaml',
    'application/x-msgpack',
  ])
  assert.deepEqual(accepted({ acceptContent: ['raw'] }), ['text/plain', 'application/data'])
  assert.deepEqual(accepted({ security }), ['application/data'])
  assert.deepEqual(accepted({ security, acceptContent: ['auth', 'json'] }), ['application/data', 'application/json'])
})

test('content options that are wrong are refused with the rule, and pickle with its own', () => {
  const refusals: [options: object, message: RegExp][] = [
    [{ acceptContent: ['pickle'] }, /Cannot list "pickle" in acceptContent of app "shop": reading a pickle runs code/],
    [{ acceptContent: ['json', 'application/x-python-serialize'] }, /reading a pickle runs code/],
    [{ acceptContent: ['jsno'] }, /acceptContent of app "shop" to 'jsno': expected an array of "json"/],
    [{ acceptContent: [] }, /acceptContent/],
    [{ acceptContent: 'json' }, /acceptContent/],
    [{ acceptContent: [5] }, /acceptContent/],
    [{ acceptContent: ['auth'] }, /"auth" .* without the option security/],
    [{ serializer: 'pickle' }, /Carom neither writes nor reads pickle/],
    [{ serializer: 'bson' }, /serializer of app "shop" to 'bson': expected "json", "msgpack", "yaml", "auth"/],
    [{ serializer: 'auth' }, /without the option security/],
    [{ compression: 'bzip2' }, /compression of app "shop" to 'bzip2': expected "gzip", "brotli", "zstd", "none"/],
    [{ compression: true }, /compression/],
    [{ security: 'key.pem' }, /security of app "shop": expected \{ key, certificate, certStore \}/],
    [{ security: { key: 'a', certificate: 'b' } }, /certStore has to be/],
    [{ security: { ...security, kay: 1 } }, /Unknown option of security of app "shop": "kay"/],
    [{ security: { ...security, digest: 'md5' } }, /digest of security of app "shop" to 'md5'/],
    [{ security: { ...security, serializer: 'auth' } }, /serializer of security/],
    [{ security: { ...security, packing: '5.2' } }, /packing of security/],
  ]
  for (const [options, message] of refusals) assert.throws(() => new Carom('shop', options), { message })
})

test('zstd is refused where this Node does not have it', { skip: whyNotCompress('zstd') === null }, () => {
  assert.throws(
    () => new Carom('shop', { compression: 'zstd' }),
    /to "zstd", which Node .* does not have: use Node 22.15/,
  )
})

test('a task that no worker of its app would read is refused, a remote one is not', (t) => {
  const app = createApp(t)
  assert.throws(() => app.task('shop.t', { serializer: 'yaml' }, () => 1), /the app's acceptContent does not list it/)
  assert.doesNotThrow(() => app.remoteTask('far.t', { serializer: 'yaml' }))
})

test('a call that is to be signed needs an app with security', async (t) => {
  const app = createApp(t)
  const far = app.remoteTask('far.t')
  await assert.rejects(far.applyAsync([], { serializer: 'auth' }), /app "shop": it has no option security/)
})

test('what msgpack cannot carry is refused with its place', async (t) => {
  const far = createApp(t).remoteTask<(...args: unknown[]) => void>('far.t', { serializer: 'msgpack' })
  await assert.rejects(far.delay({ a: [2n ** 70n] }), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_ARGUMENTS_UNENCODABLE'))
    assert.match(error.message, /look at args\[0\]\["a"\]\[0\], an integer beyond 64 bits/)
    return true
  })
})

test('maxBodyBytes counts what the arguments take before they are compressed', async (t) => {
  const far = createApp(t, { maxBodyBytes: 1_000, compression: 'gzip' }).remoteTask<(text: string) => void>('far.t')
  await assert.rejects(far.delay('x'.repeat(1_000)), (error) => isCaromError(error, 'CAROM_ARGUMENTS_TOO_LARGE'))
})

test('YAML is sent no longer than it is read', async (t) => {
  const far = createApp(t).remoteTask<(text: string) => void>('far.t', { serializer: 'yaml' })
  await assert.rejects(far.delay('x'.repeat(1_100_000)), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_ARGUMENTS_TOO_LARGE'))
    assert.match(error.message, /more than the 1048576 that are read of YAML/)
    return true
  })
})

test('keys are read from files when they are first needed, and shown by nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'carom-security-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [key, certificate, certStore] = [join(folder, 'own.key'), join(folder, 'own.pem'), join(folder, 'known')]
  const app = createApp(t, { security: { key, certificate, certStore } })
  const far = app.remoteTask('far.t')
  await assert.rejects(far.delay(), (error: Error) => {
    assert.ok(isCaromError(error, 'CAROM_SECURITY_UNUSABLE'))
    assert.match(error.message, /App "shop" cannot sign or verify messages: key is neither PEM nor the path .*ENOENT/)
    return true
  })
  writeFileSync(key, identity.key)
  writeFileSync(certificate, identity.certificate)
  mkdirSync(certStore)
  writeFileSync(join(certStore, 'a.pem'), identity.certificate)
  await far.delay()
  const lines = identity.key.split('\n').slice(1, -2)
  const inline = createApp(t, { security })
  for (const each of [app, inline]) {
    const shown = inspect(each, { depth: 20, showHidden: true }) + JSON.stringify(each)
    assert.ok(lines.every((line) => !shown.includes(line)))
  }
  // A key that has lost its first line looks like a path.
  const mangled = createApp(t, { security: { ...security, key: lines.join('') } })
  await assert.rejects(mangled.remoteTask('far.t').delay(), (error: Error) => {
    assert.ok(!inspect(error, { depth: 20 }).includes((lines[0] as string).slice(0, 20)))
    return true
  })
})
