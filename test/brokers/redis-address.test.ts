import assert from 'node:assert/strict'
import test from 'node:test'
import { parseRedisUrl } from '../../src/brokers/redis/address.ts'
import { toStoreError } from '../../src/brokers/redis/errors.ts'
import { parseStoreUrl } from '../../src/brokers/url.ts'
import { type CaromErrorCode, isCaromError } from '../../src/errors.ts'

const tcp = (host: string, port: number, tls = false) => ({ type: 'tcp', host, port, tls })

test('a URL names host, port, database and user as kombu reads them', () => {
  const plain = parseRedisUrl('redis://')
  assert.deepEqual(
    [plain.endpoints, plain.db, plain.username, plain.password],
    [[tcp('localhost', 6379)], 0, null, null],
  )
  const full = parseRedisUrl('redis://ada:p%40ss%2F@[::1]:7000/12')
  assert.deepEqual([full.endpoints, full.db, full.username, full.password], [[tcp('::1', 7000)], 12, 'ada', 'p@ss/'])
  assert.equal(full.name, 'redis://[::1]:7000/12')
  assert.equal(parseRedisUrl('redis://:only@h').password, 'only')
  assert.deepEqual(parseRedisUrl('redis+socket:///run/a%20b.sock?virtual_host=/3').endpoints, [
    { type: 'socket', path: '/run/a b.sock' },
  ])
  assert.equal(parseRedisUrl('redis+socket:///run/r.sock?virtual_host=3').db, 3)
  assert.equal(parseRedisUrl('socket:///run/r.sock').name, 'socket:///run/r.sock#0')
  assert.equal(parseStoreUrl('REDIS://h', { appName: 'a' }).type, 'redis')
})

test('parameters have the names of Celery, in camelCase where they are not those of TLS', () => {
  const { options } = parseRedisUrl(
    'rediss://h?globalKeyprefix=x%3A&visibilityTimeoutMs=60000&resultExpiresMs=0&ssl_cert_reqs=none&ssl_ca_certs=/ca.pem',
  )
  assert.deepEqual(options, {
    globalKeyprefix: 'x:',
    visibilityTimeoutMs: 60_000,
    resultExpiresMs: 0,
    masterName: null,
    sentinelUsername: null,
    sentinelPassword: null,
    commandTimeoutMs: 10_000,
    tls: { verify: false, caCerts: '/ca.pem', certFile: null, keyFile: null },
  })
  assert.equal(parseRedisUrl('rediss://h?ssl_cert_reqs=CERT_REQUIRED').options.tls.verify, true)
  assert.equal(parseRedisUrl('redis://h').options.visibilityTimeoutMs, 3_600_000)
})

test('several URLs are ways to one server, and sentinels are asked for a master', () => {
  const { endpoints, db, name, password } = parseRedisUrl('redis://:pw@a/2;rediss://:pw@b:7000/2')
  assert.deepEqual([endpoints, db, password], [[tcp('a', 6379), tcp('b', 7000, true)], 2, 'pw'])
  assert.equal(name, 'redis://a:6379,b:7000/2')
  const sentinel = parseRedisUrl('sentinel://:pw@h1:26379/1;sentinel://h2?masterName=main&sentinelPassword=own')
  assert.deepEqual(sentinel.endpoints, [
    {
      type: 'sentinel',
      masterName: 'main',
      sentinels: [
        { host: 'h1', port: 26_379 },
        { host: 'h2', port: 26_379 },
      ],
    },
  ])
  const { sentinelUsername, sentinelPassword } = sentinel.options
  assert.deepEqual([sentinel.db, sentinel.password, sentinelUsername, sentinelPassword], [1, 'pw', null, 'own'])
  assert.equal(sentinel.name, 'sentinel://h1:26379,h2:26379/1 (master main)')
})

test('a URL that means nothing is refused by what is wrong with it, never by its text', () => {
  const refused: Readonly<Record<string, RegExp>> = {
    'redis://h/hunter2': /database is no number/,
    'redis://hunter2:x@h:port/0': /no URL/,
    'redis://h?hunter2=1': /unknown parameter: known are globalKeyprefix/,
    'redis://h?global_keyprefix=hunter2': /known are globalKeyprefix/,
    'redis://h?visibilityTimeoutMs=1e9': /visibilityTimeoutMs is no whole number/,
    'rediss://h?ssl_cert_reqs=hunter2': /none of required, optional, none/,
    'redis://h/1;redis://h2/2': /more than one database/,
    'redis://:hunter2@h;redis://:x@h2': /more than one password/,
    'redis://h;sentinel://hunter2?masterName=m': /sentinel stands beside/,
    'redis://h;amqp://hunter2': /different kinds/,
    'sentinel://:hunter2@h': /add \?masterName=NAME/,
    'redis+socket://hunter2/r.sock': /third slash/,
    'redis+socket://': /no path/,
    'redis://:hunter2#@h': /./,
    'redis://a:%zz@hunter2': /%25/,
  }
  for (const [url, why] of Object.entries(refused)) {
    assert.throws(
      () => parseRedisUrl(url),
      (error: Error) => {
        assert.ok(isCaromError(error, 'CAROM_URL_UNSUPPORTED'), url)
        assert.match(error.message, why)
        assert.doesNotMatch(error.message, /hunter2/)
        return true
      },
    )
  }
})

test("Redis's refusals have the code of what can be done about them, also out of a script", () => {
  const replies: Readonly<Record<string, CaromErrorCode>> = {
    "OOM command not allowed when used memory > 'maxmemory'.": 'CAROM_STORE_FULL',
    "OOM command not allowed when used memory > 'maxmemory'. script: d1b, on @user_script:12.": 'CAROM_STORE_FULL',
    'ERR Error running script (call to f_d1b): @user_script:12: -OOM command not allowed': 'CAROM_STORE_FULL',
    "READONLY You can't write against a read only replica.": 'CAROM_STORE_READ_ONLY',
    'MISCONF Redis is configured to save RDB snapshots': 'CAROM_STORE_READ_ONLY',
    'NOREPLICAS Not enough good replicas to write.': 'CAROM_STORE_READ_ONLY',
    'LOADING Redis is loading the dataset in memory': 'CAROM_STORE_UNAVAILABLE',
    'MASTERDOWN Link with MASTER is down': 'CAROM_STORE_UNAVAILABLE',
    'NOAUTH Authentication required.': 'CAROM_STORE_UNAVAILABLE',
    'WRONGPASS invalid username-password pair or user is disabled.': 'CAROM_STORE_UNAVAILABLE',
    'MOVED 3999 127.0.0.1:6381': 'CAROM_STORE_UNAVAILABLE',
    'WRONGTYPE Operation against a key holding the wrong kind of value': 'CAROM_STORE_UNAVAILABLE',
  }
  for (const [text, code] of Object.entries(replies)) {
    const reply = Object.assign(new Error(text), { name: 'ReplyError', command: { name: 'auth', args: ['hunter2'] } })
    const error = toStoreError('redis://h:1/0', reply)
    assert.ok(isCaromError(error, code), `${text} is ${(error as { code?: string }).code}`)
    assert.equal('command' in (error.cause as object), false)
  }
  assert.ok(isCaromError(toStoreError('redis://h:1/0', new Error('Command timed out')), 'CAROM_STORE_UNAVAILABLE'))
  const refusal = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
  assert.ok(isCaromError(toStoreError('redis://h:1/0', refusal), 'CAROM_STORE_UNAVAILABLE'))
})
