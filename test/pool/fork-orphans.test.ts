import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../support/wait.ts'
import { skip } from './fork-support.ts'
import { childrenOf, isAlive, processFacts } from './proc.ts'
import { fixture } from './real-pool.ts'

for (const killSentry of [false, true]) {
  const title = killSentry ? ', nor its sentry just before it' : ''
  test(`No forked child outlives a killed parent${title}: idle, waiting, spinning or stopped`, { skip }, async (t) => {
    const { parent, line } = await start(t, 'orphan-parent', ['fork'])
    const { children, grandchild } = JSON.parse(line) as { children: number[]; grandchild: number }
    const [first] = children as [number]
    const server = processFacts(first)?.parent as number
    const sentry = childrenOf(parent).find(({ name }) => name === 'sh')?.pid as number
    const all = [server, ...children, grandchild]
    assert.ok(all.every(isAlive))
    process.kill(first, 'SIGSTOP')
    await until(() => processFacts(first)?.state === 'T', { what: 'one is stopped' })
    if (killSentry) process.kill(sentry, 'SIGKILL')
    process.kill(parent, 'SIGKILL')
    // What only the sentry can know of is left to it.
    const bound = killSentry ? [server, ...children] : all
    await until(() => !bound.some(isAlive), { withinMs: 2_000, what: 'server and children are gone' })
    if (isAlive(grandchild)) process.kill(grandchild, 'SIGKILL')
  })
}

test('Nor one that has become another user', {
  skip: skip || (process.getuid?.() !== 0 && 'only root can'),
}, async (t) => {
  const { parent, line } = await start(t, 'orphan-parent', ['fork', 'changeUser'])
  const { children, grandchild } = JSON.parse(line) as { children: number[]; grandchild: number }
  const sentry = childrenOf(parent).find(({ name }) => name === 'sh')?.pid as number
  t.after(() => process.kill(sentry, 'SIGKILL'))
  process.kill(sentry, 'SIGSTOP')
  process.kill(parent, 'SIGKILL')
  await until(() => !children.some(isAlive), { withinMs: 2_000, what: 'the children are gone' })
  if (isAlive(grandchild)) process.kill(grandchild, 'SIGKILL')
})

test('A stopped fork server does not outlive its parent either', { skip }, async (t) => {
  const { parent, line } = await start(t, 'orphan-parent', ['fork'])
  const { children, grandchild } = JSON.parse(line) as { children: number[]; grandchild: number }
  const server = processFacts(children[0] as number)?.parent as number
  process.kill(server, 'SIGSTOP')
  process.kill(parent, 'SIGKILL')
  await until(() => ![server, ...children, grandchild].some(isAlive), { withinMs: 2_000, what: 'all are gone' })
})

for (const [use, output] of [
  ['nothing', ''],
  ['call', '42\n'],
  ['hang', ''],
] as const) {
  test(`A script that forgets its forking pool ends by itself (${use}), and leaves nothing`, { skip }, async (t) => {
    const { script, line } = await start(t, 'idle-parent', [use, 'fork'], output === '' ? 1 : 2)
    const pids = JSON.parse(line.slice(output.length)) as number[]
    if (script.exitCode === null) await once(script, 'exit')
    assert.equal(script.exitCode, 0)
    await until(() => !pids.some(isAlive), { withinMs: 2_000, what: 'the children are gone' })
  })
}

async function start(t: TestContext, name: string, args: readonly string[], lines = 1) {
  const script = spawn(process.execPath, [fileURLToPath(fixture(name)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => script.kill('SIGKILL'))
  let text = ''
  script.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await until(() => text.split('\n').length > lines, { what: 'it has said what it does', withinMs: 10_000 })
  return { script, parent: script.pid as number, line: text.trim() }
}
