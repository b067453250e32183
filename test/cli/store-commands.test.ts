/** Commands that look into a store, or change it, while no worker runs. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { Message, TaskHeaders } from '../../src/message/message.ts'
import { readTaskBody } from '../../src/message/task-message.ts'
import { answer, carom, jsonError, MAIN, ownerOf, project, SHOP } from './cli-process.ts'
import { openStore, type Store } from './store.ts'

const NAME = ['--name', 'shop']
const HOSTILE = 'task\x1b[2J\n\x9b31m\u202eforged'
const ESCAPED = 'task\\x1b[2J\\n\\x9b31m\\u202eforged'

async function stocked(t: TestContext): Promise<{ cwd: string; store: Store }> {
  const owner = ownerOf(t)
  const cwd = project(owner)
  return { cwd, store: await openStore(owner, cwd) }
}

test('call prints the id alone, and sends with queue, countdown and priority as asked', async (t) => {
  const { cwd, store } = await stocked(t)
  const app = ['--app', SHOP]
  const plain = await carom(['call', 'shop.add', '--args', '[2, 3]', ...app], { cwd })
  assert.match(plain.stdout, /^[\w-]{36}\n$/)
  const flags = ['--queue', 'other', '--countdown', '10m', '--priority', '7', '--task-id', 'mine']
  const told = await answer(['call', 'shop.add', '--args', '[2, 3]', ...flags, ...app], { cwd })
  assert.deepEqual(told, { id: 'mine', task: 'shop.add', queue: 'other' })
  await carom(['call', 'shop.slow', '--task-id', 'own', '--priority', '7', ...app], { cwd })
  assert.deepEqual(await store.depths(), { shop: [1, 0, 0], other: [0, 1, 0], later: [1, 0, 0] })
  const [sent] = await store.take('later')
  assert.equal(sent?.message.headers.id, 'own')
  assert.equal(sent?.message.properties.priority, 7)
})

test('call sends what somebody else runs: a remote task of the app, and with --name any task', async (t) => {
  const { cwd, store } = await stocked(t)
  const words = ['call', 'reports.build', '--args', '["may"]']
  const told = await answer([...words, '--app', SHOP], { cwd })
  assert.deepEqual([told.task, told.queue], ['reports.build', 'python'])
  const named = await answer([...words, '--kwargs', '{"to": "pdf"}', '--queue', 'python', ...NAME], { cwd })
  await carom(['call', 'ours', '--task-id', 'ours', ...NAME], { cwd })
  const sent = await store.take('python')
  assert.deepEqual(
    sent.map(({ message }) => message.headers.id),
    [told.id, named.id],
  )
  const { args, kwargs } = readTaskBody(sent[1]?.message as Message)
  assert.deepEqual([sent[1]?.message.headers.task, args, kwargs], ['reports.build', ['may'], { to: 'pdf' }])
  assert.deepEqual(
    (await store.take('shop')).map(({ message }) => message.headers.task),
    ['ours'],
  )
})

test('status shows queues with what waits, what is delayed and what is claimed', async (t) => {
  const { cwd, store } = await stocked(t)
  await store.send('shop.add', 'a')
  assert.equal((await store.take('shop')).length, 1)
  await store.send('shop.add', 'b')
  await store.send('shop.add', 'c', [], { etaMs: Date.now() + 600_000 })
  const [text, json] = await Promise.all([
    carom(['status', ...NAME, '--timeout', '10ms'], { cwd }),
    answer(['status', ...NAME, '--timeout', '10ms'], { cwd }),
  ])
  assert.match(text.stdout, /Workers {5}none online\n/)
  assert.match(text.stdout, /\nQUEUE {2}WAITING {2}DELAYED {2}CLAIMED\nshop {9}1 {8}1 {8}1\n$/)
  assert.deepEqual(json.queues, [{ queue: 'shop', waiting: 1, delayed: 1, claimed: 1 }])
})

test('status of a store that is not there says so on stdout too, for programs', async (t) => {
  const ended = await carom(['status', ...NAME, '--json'], { cwd: project(ownerOf(t)) })
  assert.equal(ended.code, 4)
  assert.equal(JSON.parse(ended.stdout).store.reachable, false)
  assert.equal(jsonError(ended).code, 'CAROM_STORE_UNAVAILABLE')
})

test('purge refuses a program without --yes, with the command to use, and obeys it', async (t) => {
  const { cwd, store } = await stocked(t)
  await store.send('shop.add', 'a')
  const refused = await carom(['purge', 'shop', ...NAME], { cwd })
  assert.equal(refused.code, 2)
  assert.match(
    refused.stderr,
    /delete 1 waiting message of the queue "shop"\. .*: carom purge shop --name shop --yes \(CAROM_USAGE\)\n$/,
  )
  assert.deepEqual(await store.depths(), { shop: [1, 0, 0] })
  assert.deepEqual(await answer(['purge', 'shop', ...NAME, '--yes'], { cwd }), { queue: 'shop', purged: 1 })
  assert.deepEqual(await store.depths(), {})
  const again = await carom(['purge', 'shop', ...NAME], { cwd })
  assert.deepEqual([again.code, again.stdout], [0, 'Deleted 0 waiting messages of the queue "shop"\n'])
})

const noTerminal = spawnSync('script', ['--version']).error !== undefined && 'the program "script" is not installed'

test('purge asks a person on a terminal, and anything but yes is a no', { skip: noTerminal }, async (t) => {
  const { cwd, store } = await stocked(t)
  await store.send('shop.add', 'a')
  const command = `${process.execPath} ${MAIN} purge shop --name shop`
  const nobody = await onTerminal(`${command} < /dev/null`, '', cwd)
  assert.equal(nobody.code, 2)
  const no = await onTerminal(command, 'maybe\n', cwd)
  assert.match(no.screen, /Really delete 1 waiting message of the queue "shop"\? \[y\/N\] /)
  assert.match(no.screen, /Nothing was changed/)
  assert.equal(no.code, 1)
  assert.deepEqual(await store.depths(), { shop: [1, 0, 0] })
  const yes = await onTerminal(command, 'yes\n', cwd)
  assert.match(yes.screen, /Deleted 1 waiting message of the queue "shop"/)
  assert.equal(yes.code, 0)
  assert.deepEqual(await store.depths(), {})
})

test('a failure in the store is exit code 1 whatever its own code, and is shown without harm', async (t) => {
  const { cwd, store } = await stocked(t)
  const stack = `Error: ${HOSTILE}\n    at redis://u:hunter2@h`
  await store.fail('refused', { name: 'CaromError', message: HOSTILE, stack, code: 'CAROM_KWARGS_REFUSED' })
  await store.fail('thrown', { name: 'Error', message: HOSTILE, stack })
  for (const id of ['refused', 'thrown']) {
    const [text, json] = await Promise.all([
      carom(['result', id, ...NAME], { cwd }),
      carom(['result', id, ...NAME, '--json'], { cwd }),
    ])
    assert.deepEqual([text.code, json.code, text.stdout], [1, 1, ''])
    assert.equal(jsonError(json).exitCode, 1)
    assert.equal(JSON.parse(json.stdout).error.message, HOSTILE)
    assert.ok(text.stderr.includes(ESCAPED))
    assert.doesNotMatch(text.stderr, /hunter2/)
    for (const shown of [text.stderr, json.stdout, json.stderr]) {
      assert.doesNotMatch(shown.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u)
    }
  }
})

test('quarantine list and show escape what others wrote, and keep arguments and secrets to themselves', async (t) => {
  const { cwd, store } = await stocked(t)
  const headers = { authorization: 'Bearer hunter2', note: HOSTILE }
  await store.setAside(HOSTILE, 'bad-1', `reason ${HOSTILE} redis://u:hunter2@h`, { headers, argsrepr: "('s3cret',)" })
  const [list, listed, shown, json] = await Promise.all([
    carom(['quarantine', 'list', ...NAME], { cwd }),
    answer(['quarantine', 'list', ...NAME], { cwd }),
    carom(['quarantine', 'show', 'bad-1', ...NAME], { cwd }),
    carom(['quarantine', 'show', 'bad-1', ...NAME, '--json'], { cwd }),
  ])
  const told = JSON.parse(json.stdout)
  assert.match(list.stdout, /^ID +TASK +QUEUE +SINCE +RUNS +CRASHES +REASON\nbad-1 {2}\S+ +shop +\S+ +1 +0 +reason \S/)
  assert.ok(list.stdout.includes(ESCAPED) && shown.stdout.includes(ESCAPED))
  assert.equal(listed[0].task, HOSTILE)
  assert.match(shown.stdout, /\nbody +\d+ B\n$/)
  assert.equal(told.headers.note, HOSTILE)
  assert.deepEqual(told.counts, { deliveries: 1, crashes: 0, foreign: 0 })
  for (const { stdout } of [list, shown, json]) {
    assert.doesNotMatch(stdout, /s3cret|hunter2/)
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u)
  }
})

test('quarantine show --show-args decodes the arguments', async (t) => {
  const { cwd, store } = await stocked(t)
  await store.setAside('shop.add', 'good', 'no worker knows it')
  const text = await carom(['quarantine', 'show', 'good', '--show-args', ...NAME], { cwd })
  assert.match(text.stdout, /\nargs +\["s3cret"\]\nkwargs +\{\}\n$/)
  assert.deepEqual((await answer(['quarantine', 'show', 'good', '--show-args', ...NAME], { cwd })).args, ['s3cret'])
})

test('quarantine replay sends back, and ends with 1 for an id it does not hold', async (t) => {
  const { cwd, store } = await stocked(t)
  await store.setAside('shop.add', 'one', 'why not')
  const ended = await carom(['quarantine', 'replay', 'one', 'ghost', ...NAME], { cwd })
  assert.equal(ended.code, 1)
  assert.equal(ended.stdout, 'Sent back 1 message\n')
  assert.match(ended.stderr, /^carom: Not in quarantine: ghost\. .* \(CAROM_QUARANTINE_UNKNOWN\)\n$/)
  assert.deepEqual(await store.depths(), { shop: [1, 0, 0] })
  assert.equal((await carom(['quarantine', 'show', 'one', ...NAME], { cwd })).code, 1)
  assert.equal((await carom(['quarantine', 'list', ...NAME], { cwd })).stdout, 'The quarantine is empty\n')
})

test('quarantine drop needs --yes from a program, and deletes', async (t) => {
  const { cwd, store } = await stocked(t)
  await store.setAside('shop.add', 'one', 'why not')
  const refused = await carom(['quarantine', 'drop', 'one', ...NAME], { cwd })
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /: carom quarantine drop one --name shop --yes \(CAROM_USAGE\)/)
  assert.deepEqual(await answer(['quarantine', 'drop', 'one', '--yes', ...NAME], { cwd }), { dropped: 1, unknown: [] })
  assert.deepEqual(await store.broker.quarantine.list(), [])
})

test('a message that is no task can be looked after in quarantine', async (t) => {
  const { cwd, store } = await stocked(t)
  const body = Buffer.from('nonsense')
  const headers = { odd: true } as unknown as TaskHeaders
  const message = { headers, properties: {}, contentType: 'text/plain', contentEncoding: 'utf-8', body }
  await store.broker.publish([{ queue: 'shop', message }])
  await store.setAside('shop.add', 'beside', 'not a task message')
  const [odd] = await answer(['quarantine', 'list', ...NAME], { cwd })
  const shown = await carom(['quarantine', 'show', odd.id, '--show-args', ...NAME], { cwd })
  assert.equal(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /\nargs +null\nunreadable +"/)
  assert.deepEqual(await answer(['quarantine', 'drop', odd.id, '--yes', ...NAME], { cwd }), { dropped: 1, unknown: [] })
})

test('inspect ends with 1 when no worker answers, and says so', async (t) => {
  const { cwd } = await stocked(t)
  const ended = await carom(['inspect', 'ping', ...NAME, '--timeout', '10ms'], { cwd })
  assert.deepEqual([ended.code, ended.stdout], [1, ''])
  assert.match(
    ended.stderr,
    /No worker of the app "shop" has replied within 10 ms\. Start one .* \(CAROM_NO_REPLY\)\n$/,
  )
})

test('a reader that has read enough ends a command quietly', async (t) => {
  const { cwd } = await stocked(t)
  const child = spawn(process.execPath, [MAIN, 'status', ...NAME, '--timeout', '10ms'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const [code] = await once(child, 'exit')
  assert.deepEqual([code, stderr], [0, ''])
})

/** Types `input` at a pseudo-terminal that runs `command`. */
async function onTerminal(command: string, input: string, cwd: string): Promise<{ screen: string; code: number }> {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 20_000,
  })
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    screen += chunk
    if (screen.includes('[y/N] ') && child.stdin.writable) child.stdin.end(input)
  })
  const [code] = await once(child, 'close')
  return { screen, code: code as number }
}
