/** Whole scripts in a process of their own: what importing does, and that they end by themselves. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { openBroker } from '../../src/brokers/open.ts'

const CAROM = new URL('../../src/index.js', import.meta.url).href
const APP = `
  import { Carom } from '${CAROM}'
  const app = new Carom('shop')
  const add = app.task('shop.add', (a, b) => a + b)
  app.remoteTask('far.away')
  app.onChildInit(() => {})
`

test('a script that creates an app and its tasks ends by itself and writes nothing', async (t) => {
  const { folder, elapsedMs } = await runScript(t, APP)
  assert.deepEqual(readdirSync(folder).sort(), ['package.json', 'script.mjs'])
  assert.ok(elapsedMs < 5_000, `took ${elapsedMs} ms`)
})

test('a script that sends one task and does nothing else ends by itself, and the task is in the store', async (t) => {
  const { folder, elapsedMs } = await runScript(t, `${APP} await add.delay(2, 3)`)
  assert.ok(elapsedMs < 5_000, `took ${elapsedMs} ms`)
  assert.deepEqual(await depthsIn(folder), [{ queue: 'shop', waiting: 1, delayed: 0, claimed: 0 }])
})

test('a script that asked for a result and closed nothing ends by itself', async (t) => {
  const { elapsedMs, stdout } = await runScript(
    t,
    `${APP}
    const result = await add.delay(2, 3)
    console.log(await result.state(), await result.get({ timeoutMs: 50 }).catch((error) => error.code))`,
  )
  assert.equal(stdout.trim(), 'PENDING CAROM_RESULT_TIMEOUT')
  assert.ok(elapsedMs < 5_000, `took ${elapsedMs} ms`)
})

test('a script that waits for a result stays alive until it has it, with nothing else to do', async (t) => {
  const { stdout } = await runScript(
    t,
    `${APP}
    const result = await add.delay(2, 3)
    result.get({ timeoutMs: 300 }).then(console.log, (error) => console.log(error.code))`,
  )
  assert.equal(stdout.trim(), 'CAROM_RESULT_TIMEOUT')
})

test('the task of a script that does not await its sending is sent all the same', async (t) => {
  const { folder } = await runScript(
    t,
    `${APP}
    add.delay(2, 3)`,
  )
  assert.deepEqual(await depthsIn(folder), [{ queue: 'shop', waiting: 1, delayed: 0, claimed: 0 }])
})

test('importing carom loads no store, no pool, no worker and no package', async (t) => {
  const { folder } = await runScript(t, APP, LOGGING_LOADER)
  const loaded = readFileSync(join(folder, 'loaded.log'), 'utf8').trim().split('\n')
  const ours = loaded.filter((url) => url.startsWith(CAROM.replace('index.js', '')))
  assert.ok(ours.includes(CAROM), 'the log of the loader is there')
  const foreign = loaded.filter(
    (url) => url.includes('node_modules') || /node:(sqlite|net|child_process|worker_threads|http)/.test(url),
  )
  assert.deepEqual(foreign, [])
  const heavy = ours.filter((url) =>
    /\/(pool|worker|cli|control)\/|\/(brokers|results)\/(memory|sqlite|redis|amqp)\//.test(url),
  )
  assert.deepEqual(heavy, [])
})

// Every module that is imported, ours and Node's own, is a line in a file.
const LOGGING_LOADER = `
  import { appendFileSync } from 'node:fs'
  import { register } from 'node:module'
  const hooks = \`
    import { appendFileSync } from 'node:fs'
    export async function load(url, context, next) {
      appendFileSync('loaded.log', url + '\\\\n')
      return next(url, context)
    }\`
  register('data:text/javascript,' + encodeURIComponent(hooks))
`

async function runScript(t: TestContext, script: string, preload?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'carom-script-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), '{"name":"scripted"}')
  writeFileSync(join(folder, 'script.mjs'), script)
  if (preload !== undefined) writeFileSync(join(folder, 'preload.mjs'), preload)
  const args = [...(preload === undefined ? [] : ['--import', './preload.mjs']), 'script.mjs']
  const { CAROM_BROKER_URL, CAROM_RESULT_BACKEND, NODE_ENV, ...env } = process.env
  const startedMs = performance.now()
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env, timeout: 10_000 })
  return { folder, stdout, elapsedMs: performance.now() - startedMs }
}

async function depthsIn(folder: string) {
  const file = join(folder, '.carom', 'shop.sqlite')
  assert.ok(existsSync(file), `${file} is not there`)
  const store = await openBroker(`embedded:${file}`, { appName: 'shop' })
  try {
    return await store.depths()
  } finally {
    await store.close()
  }
}
