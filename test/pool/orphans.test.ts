import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { findSetpriv } from '../../src/pool/parent/setpriv.ts'
import { until } from '../support/wait.ts'
import { childrenOf, isAlive, processFacts } from './proc.ts'
import { fixture, NO_TICKETS } from './real-pool.ts'

const GONE_WITHIN_MS = 2_000

interface Case {
  readonly title: string
  readonly noAddon?: boolean
  readonly noSetpriv?: boolean
  readonly killSentry?: boolean
}

const NO_ADDON = { NODE_OPTIONS: '--no-addons' }
const CASES: readonly Case[] = [
  { title: 'with everything in place' },
  { title: 'whose sentry was killed before it', killSentry: true },
  { title: 'without the addon', noAddon: true },
  { title: 'without the addon, whose sentry was killed before it', noAddon: true, killSentry: true },
  { title: 'without the addon and setpriv', noAddon: true, noSetpriv: true },
  {
    title: 'without the addon and setpriv, whose sentry was killed before it',
    noAddon: true,
    noSetpriv: true,
    killSentry: true,
  },
]

for (const { title, noAddon = false, noSetpriv = false, killSentry = false } of CASES) {
  test(`Nothing outlives a killed parent ${title}: idle, waiting and spinning children, and what they started`, {
    skip: process.platform !== 'linux',
  }, async (t) => {
    const env = { ...(noAddon && NO_ADDON), ...(noSetpriv && { PATH: emptyPath(t) }) }
    const parent = startScript(t, 'orphan-parent', [], env)
    const { children, grandchild } = JSON.parse(await firstLine(parent)) as { children: number[]; grandchild: number }
    const parentPid = parent.pid as number
    const sentry = await until(() => sentryOf(parentPid), { what: 'the sentry runs' })
    const all = [...children, grandchild]
    t.after(() => all.forEach(killQuietly))
    assert.deepEqual([children.length, all.filter(isAlive).length], [3, 4])
    if (killSentry) {
      process.kill(sentry, 'SIGKILL')
      await until(() => ![undefined, sentry].includes(sentryOf(parentPid)), { what: 'the sentry is replaced' })
    }
    const last = sentryOf(parentPid) as number
    process.kill(parentPid, 'SIGKILL')
    await until(() => !all.some(isAlive), { withinMs: GONE_WITHIN_MS, what: 'children and grandchild are gone' })
    await until(() => !isAlive(last), { withinMs: GONE_WITHIN_MS, what: 'the sentry is gone' })
  })
}

const SETPRIV_ONLY = findSetpriv() === null && 'there is no setpriv here'
const ROOT_ONLY = process.getuid?.() !== 0 && 'only root can become another user'

for (const [what, args, env, skip] of [
  ['by the addon', [], {}, NO_TICKETS],
  ['by the addon, once more for a child that has become another user', ['changeUser'], {}, ROOT_ONLY || NO_TICKETS],
  ['by setpriv', [], NO_ADDON, SETPRIV_ONLY],
  ['by setpriv where only the children load no addon', ['', '--no-addons'], {}, SETPRIV_ONLY],
] as const) {
  test(`The kernel kills a spinning and a stopped child with their parent, asked ${what}`, { skip }, async (t) => {
    const parent = startScript(t, 'orphan-parent', ['spawn', ...args], env)
    const { children, grandchild } = JSON.parse(await firstLine(parent)) as { children: number[]; grandchild: number }
    const sentry = sentryOf(parent.pid as number) as number
    t.after(() => [...children, grandchild, sentry].forEach(killQuietly))
    // Whom it would kill, it must not.
    for (const pid of [sentry, children[0] as number]) process.kill(pid, 'SIGSTOP')
    await until(() => processFacts(children[0] as number)?.state === 'T', { what: 'a child is stopped' })
    parent.kill('SIGKILL')
    await until(() => !children.some(isAlive), { withinMs: GONE_WITHIN_MS, what: 'the children are gone' })
  })
}

test('A child dies with the thread whose pool it is of', { skip: NO_TICKETS }, async (t) => {
  const thread = new Worker(fixture('spinning-in-thread'))
  const [child] = (await once(thread, 'message')) as [number]
  const sentry = sentryOf(process.pid) as number
  t.after(() => [child, sentry].forEach(killQuietly))
  process.kill(sentry, 'SIGSTOP')
  assert.ok(isAlive(child))
  await thread.terminate()
  await until(() => !isAlive(child), { withinMs: GONE_WITHIN_MS, what: 'the child is gone' })
})

for (const [what, use, output] of [
  ['is never used', 'nothing', ''],
  ['was used', 'call', '42\n'],
  ['cannot start its children', 'hang', ''],
] as const) {
  test(`A script whose pool ${what} ends by itself and leaves no process behind`, async (t) => {
    const script = startScript(t, 'idle-parent', [use])
    const [text, [code]] = await Promise.all([allOutput(script), once(script, 'exit')])
    assert.equal(code, 0)
    assert.ok(text.startsWith(output))
    const pids = JSON.parse(text.slice(output.length)) as number[]
    assert.equal(pids.length, 2)
    await until(() => !pids.some(isAlive), { withinMs: GONE_WITHIN_MS, what: 'the children are gone' })
  })
}

test('A setpriv that does not know the flag is left alone', async (t) => {
  const folder = emptyPath(t)
  writeFileSync(join(folder, 'setpriv'), '#!/bin/sh\necho "setpriv: unrecognized option: $1" >&2; exit 1\n', {
    mode: 0o755,
  })
  assert.match(await allOutput(startScript(t, 'idle-parent', ['call'], { ...NO_ADDON, PATH: folder })), /^42\n/)
})

test('A script is kept alive by a job whose result it does not wait for', async (t) => {
  const startedAtMs = performance.now()
  const script = startScript(t, 'idle-parent', ['forget'])
  await once(script, 'exit')
  assert.ok(performance.now() - startedAtMs > 300)
})

function startScript(t: TestContext, name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const script = spawn(process.execPath, [fileURLToPath(fixture(name)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  t.after(() => script.kill('SIGKILL'))
  return script
}

async function firstLine(script: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: script.stdout as NodeJS.ReadableStream })) return line
  throw new Error('the script ended without a word')
}

async function allOutput(script: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of script.stdout as NodeJS.ReadableStream) text += chunk
  return text
}

function sentryOf(parent: number): number | undefined {
  return childrenOf(parent).find(({ name, pid }) => name === 'sh' && isAlive(pid))?.pid
}

/** A folder with nothing in it but what the fixtures start. */
function emptyPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-path-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync('/bin/sleep', join(folder, 'sleep'))
  return folder
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone, as it should be.
  }
}
