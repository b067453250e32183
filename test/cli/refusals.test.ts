/** What cannot be done ends with the right code and an error that says what to do, for a person and for a program. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { carom, type Ended, jsonError, ownerOf, project, SHOP } from './cli-process.ts'

interface Refusal {
  readonly exit: number
  readonly code: string
  readonly text: RegExp
}

/** Runs the words and holds their end to the refusal, as a person sees it. */
async function refused(
  t: TestContext,
  words: readonly string[],
  { exit, code, text }: Refusal,
  { env = {}, cwd = project(ownerOf(t)) }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Ended> {
  const ended = await carom(words, { cwd, env })
  assert.equal(ended.code, exit, ended.stderr)
  assert.match(ended.stderr, text)
  assert.match(ended.stderr, new RegExp(`^carom: .* \\(${code}\\)$`, 'm'))
  // The children of a worker print where they like.
  if (words[0] !== 'worker') assert.equal(ended.stdout, '')
  return ended
}

/** The same as a program sees it. */
async function refusedInJson(
  t: TestContext,
  words: readonly string[],
  { exit, code, text }: Refusal,
  env = {},
): Promise<void> {
  const json = words[0] === 'worker' ? ['--log-format', 'json'] : ['--json']
  const ended = await carom([...words, ...json], { cwd: project(ownerOf(t)), env })
  const error = jsonError(ended)
  assert.deepEqual([ended.code, error.exitCode, error.code], [exit, exit, code])
  assert.match(error.message, text)
}

function appFile(t: TestContext, name: string, text: string): string {
  const cwd = project(ownerOf(t))
  writeFileSync(join(cwd, name), text)
  return join(cwd, name)
}

const INDEX = fileURLToPath(new URL('../../src/index.js', import.meta.url))
const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript)
const call = (...words: string[]): string[] => ['call', ...words, '--app', SHOP]

for (const command of ['worker', 'call'] as const) {
  const words = (app: string) =>
    command === 'call' ? ['call', 'a.task', '--app', app] : ['worker', '--app', app, '--concurrency', '1']

  test(`${command} with an --app that is not there`, async (t) => {
    const text = /There is no app module .*\/nowhere\.js: --app takes the path/
    const refusal = { exit: 5, code: 'CAROM_APP_NOT_FOUND', text }
    await Promise.all([refused(t, words('./nowhere.js'), refusal), refusedInJson(t, words('./nowhere.js'), refusal)])
  })

  test(`${command} with a module that throws while it loads shows where it did`, async (t) => {
    const app = appFile(t, 'app.js', 'const open = () => {\n  throw new RangeError("no config here")\n}\nopen()\n')
    const text = /failed while loading: RangeError: no config here/
    const { stderr } = await refused(t, words(app), { exit: 5, code: 'CAROM_APP_LOAD_FAILED', text })
    assert.match(stderr, /\n {2}cause: RangeError: no config here\n {6}at open \(.*app\.js:2:9\)/)
    assert.doesNotMatch(stderr, /app-module|src\/cli|node:internal/)
  })

  test(`${command} with a module that has no app`, async (t) => {
    const app = appFile(t, 'app.js', 'export const nothing = 1\n')
    await refused(t, words(app), {
      exit: 5,
      code: 'CAROM_APP_MISSING',
      text: /exports no Carom app: write "export const app/,
    })
  })

  test(`${command} with a .ts app where Node cannot read it`, {
    skip: stripsTypes && 'this Node reads TypeScript',
  }, async (t) => {
    const app = appFile(t, 'app.ts', 'export const nothing: number = 1\n')
    const text = /cannot read TypeScript .*Node 22\.18.*--import tsx/
    await refused(t, words(app), { exit: 5, code: 'CAROM_APP_TYPESCRIPT', text })
  })

  test(`${command} in production without a URL opens no store`, async (t) => {
    const cwd = project(ownerOf(t))
    const refusal = { exit: 4, code: 'CAROM_EMBEDDED_REFUSED', text: /set CAROM_BROKER_URL .* or to "embedded:"/ }
    const asked = command === 'call' ? call('shop.slow') : words(SHOP)
    const env = { NODE_ENV: 'production' }
    await Promise.all([refused(t, asked, refusal, { env, cwd }), refusedInJson(t, asked, refusal, env)])
    assert.equal(existsSync(join(cwd, '.carom')), false)
  })

  test(`${command} without an app asks which`, async (t) => {
    const asked = command === 'call' ? ['call', 'a.task'] : ['worker']
    const name = command === 'call' ? ', or --name NAME if its name is enough' : ''
    const text = new RegExp(`Which app\\? Give --app FILE${name}, or set CAROM_APP`)
    await refused(t, asked, { exit: 2, code: 'CAROM_USAGE', text })
  })
}

test('call takes a .ts app where Node reads TypeScript', { skip: !stripsTypes && 'this Node does not' }, async (t) => {
  const source = `import { Carom } from ${JSON.stringify(INDEX)}\nexport const app: Carom = new Carom('typed')\n`
  const app = appFile(t, 'app.ts', `${source}app.task('typed.add', (a: number, b: number): number => a + b)\n`)
  const { code, stderr } = await carom(['call', 'typed.add', '--args', '[1, 2]', '--app', app], { cwd: dirname(app) })
  assert.equal(code, 0, stderr)
})

test('call of a task that the app does not have names those it has', async (t) => {
  const text =
    /App "shop" has no task "shop\.ad"\. It has "reports\.build", "shop\.add", "shop\.boom".* give --name shop/
  await refused(t, call('shop.ad'), { exit: 2, code: 'CAROM_TASK_UNKNOWN', text })
})

test('call refuses arguments that the task does not take', async (t) => {
  const kwargs = /"shop\.add" takes positional arguments and was given "a" by name: declare argNames/
  const cases: [string[], string, RegExp][] = [
    [['shop.add', '--kwargs', '{"a": 1}'], 'CAROM_KWARGS_REFUSED', kwargs],
    [['shop.mail', '--kwargs', '{"to": "nobody"}'], 'CAROM_ARGUMENTS_INVALID', /to: no address/],
    [['shop.mail', '--args', '[1]'], 'CAROM_ARGUMENTS_INVALID', /takes one object/],
    [['shop.quiet', '--wait'], 'CAROM_USAGE', /stores no result.* nothing to --wait for/],
  ]
  await Promise.all(cases.map(([words, code, text]) => refused(t, call(...words), { exit: 2, code, text })))
})

test('flags whose values are not right are refused with what to write', async (t) => {
  const cases: [string[], RegExp][] = [
    [['worker', '--lease', '30'], /--lease <time>.* 30 what\? Write 30s or 30ms/],
    [['worker', '--lease', '50ms'], /Write a duration from 100ms to 1d/],
    [['worker', '--cold-grace', '5sec'], /Unknown unit "sec"/],
    [['worker', '--concurrency', '0'], /Write a whole number from 1 to 4096/],
    [['worker', '--queues', 'a,,b'], /Write names with a comma between them/],
    [['worker', '--log-level', 'loud'], /Allowed choices are debug, info, warn, error/],
    [['call', 'a', '--args', '{"a": 1}'], /Write a JSON array, as in '\[2, 3\]'/],
    [['call', 'a', '--args', '[2, 3'], /That is no JSON: /],
    [['call', 'a', '--kwargs', '[]'], /Write a JSON object/],
    [['call', 'a', '--countdown', '10'], /10 what\? Write 10s or 10ms/],
    [['call', 'a', '--priority', '11'], /Write a whole number from 0 to 9/],
    [['result', 'not one id', '--name', 'shop'], /printable ASCII characters without spaces/],
  ]
  await Promise.all(cases.map(([words, text]) => refused(t, words, { exit: 2, code: 'CAROM_USAGE', text })))
})

test('words that no command knows are refused with the nearest', async (t) => {
  const cases: [string[], RegExp][] = [
    [['wroker'], /Unknown command 'wroker' \(Did you mean worker\?\)/],
    [['inspect', 'pign'], /Unknown command 'pign' \(Did you mean ping\?\)/],
    [['worker', '--conccurency', '2'], /Unknown option '--conccurency' \(Did you mean --concurrency\?\)/],
    [['quarantine'], /Which of its commands\? See carom quarantine --help/],
    [['purge'], /Missing required argument 'queue'/],
  ]
  const usage = { exit: 2, code: 'CAROM_USAGE' }
  const inJson = refusedInJson(t, ['wroker'], { ...usage, text: /Did you mean worker/ })
  await Promise.all([inJson, ...cases.map(([words, text]) => refused(t, words, { ...usage, text }))])
})

test('--app and --name together, or neither, are refused by commands that need only the store', async (t) => {
  const both = /Give --app or --name, not both/
  const neither = /Which app\? Give --app FILE, or --name NAME if its name is enough, or set CAROM_APP/
  const usage = { exit: 2, code: 'CAROM_USAGE' }
  await Promise.all([
    refused(t, ['inspect', 'ping', '--app', SHOP, '--name', 'shop'], { ...usage, text: both }),
    refused(t, ['call', 'shop.add', '--app', SHOP, '--name', 'shop'], { ...usage, text: both }),
    refused(t, ['purge', 'shop'], { ...usage, text: neither }),
    refused(t, ['purge', 'shop', '--name', '../shop'], { ...usage, text: /1 to 64 letters, digits/ }),
  ])
})

test('a command that looks into a store that is not there says so, and makes none', async (t) => {
  const cwd = project(ownerOf(t))
  const refusal = { exit: 4, code: 'CAROM_STORE_UNAVAILABLE', text: /There is no store .*\/\.carom\/shop\.sqlite/ }
  const commands = [
    ['purge', 'shop', '--yes'],
    ['result', 'a'],
    ['quarantine', 'list'],
    ['inspect', 'ping'],
    ['call', 'a.task'],
  ]
  await Promise.all(commands.map((words) => refused(t, [...words, '--name', 'shop'], refusal, { cwd })))
  assert.equal(existsSync(join(cwd, '.carom')), false)
})

test('a store in the memory of one process, or of a kind nobody knows, is refused without its URL', async (t) => {
  const refusal = { exit: 4, code: 'CAROM_URL_UNSUPPORTED', text: /lives in the process that made it/ }
  const env = { CAROM_BROKER_URL: 'memory:' }
  await Promise.all([
    refused(t, call('shop.slow'), refusal, { env }),
    refusedInJson(t, ['inspect', 'ping', '--name', 'shop'], refusal, env),
  ])
  const foreign = { env: { CAROM_BROKER_URL: 'sqs://user:hunter2@host' } }
  const { stderr } = await refused(
    t,
    ['inspect', 'ping', '--name', 'shop'],
    { ...refusal, text: /Cannot open a store/ },
    foreign,
  )
  assert.doesNotMatch(stderr, /hunter2/)
})

test('an error nobody expected ends with 70 and its stack', async (t) => {
  const app = appFile(
    t,
    'app.js',
    `import ${JSON.stringify(SHOP)}\nsetImmediate(() => { throw null })\nawait new Promise(() => setInterval(() => {}, 1000))\n`,
  )
  const text = /An error nobody expected: .*null was thrown/
  const { code, stderr } = await carom(['call', 'a', '--app', app], { cwd: project(ownerOf(t)) })
  assert.equal(code, 70)
  assert.match(stderr, text)
})
