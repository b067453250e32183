import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { descendantsOf, isAlive } from './proc.ts'
import { fixture } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

test("A terminal's signal to the parent's group reaches no child, and jobs go on", async (t) => {
  await sendToAll(t, ({ parent }, signal) => process.kill(-parent, signal))
})

test("An init's signal to every process of a pool, the sentry included, ends none of them, and jobs go on", {
  skip: process.platform !== 'linux',
}, async (t) => {
  await sendToAll(t, ({ parent, children }, signal) => {
    const others = descendantsOf(parent).map(({ pid }) => pid)
    const helpers = START_METHOD === 'fork' ? ['sentry', 'fork server'] : ['sentry']
    assert.equal(others.length, children.length + helpers.length, `the children and: ${helpers.join()}`)
    for (const pid of [...others, parent]) process.kill(pid, signal)
  })
})

interface Script {
  readonly parent: number
  readonly children: readonly number[]
}

async function sendToAll(t: TestContext, send: (script: Script, signal: NodeJS.Signals) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'carom-signals-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'go')
  // A leader of its own group: the signals are for the script, not for this test.
  const script = spawn(process.execPath, [fileURLToPath(fixture('signalled-parent')), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  t.after(() => script.kill('SIGKILL'))
  const ended = once(script, 'exit')
  const lines = createInterface({ input: script.stdout })[Symbol.asyncIterator]()
  const nextLine = async () => (await lines.next()).value as string
  const parent = script.pid as number
  const children = JSON.parse(await nextLine()) as number[]
  const before = descendantsOf(parent).map(({ pid }) => pid)
  for (const signal of SIGNALS) {
    send({ parent, children }, signal)
    assert.equal(await nextLine(), signal)
  }
  assert.deepEqual(
    descendantsOf(parent).flatMap(({ pid }) => (isAlive(pid) ? [pid] : [])),
    before,
  )
  writeFileSync(file, '')
  assert.deepEqual(new Set(JSON.parse(await nextLine())), new Set(children))
  assert.deepEqual(await ended, [0, null])
}
