/** Everything that needs a running worker, asked of two that live as long as this file. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from '../support/wait.ts'
import {
  answer,
  carom,
  jsonError,
  linesOf,
  Owner,
  project,
  type RunningWorker,
  SHOP,
  startedWorker,
} from './cli-process.ts'

const owner = new Owner()
after(() => owner.end())
const cwd = project(owner)
const env = { CAROM_APP: SHOP }
const run = (...words: string[]) => carom(words, { cwd, env })
const NAME = ['--name', 'shop']
let first: RunningWorker
let second: RunningWorker

before(async () => {
  const flags = ['--concurrency', '1', '--concurrency-per-child', '4', '--log-level', 'debug']
  const both = ['one', 'two'].map((node) => startedWorker(owner, [...flags, '--node', node], { cwd, env }))
  ;[first, second] = (await Promise.all(both)) as [RunningWorker, RunningWorker]
})

test('the line "ready" of a worker says what it is, for programs', () => {
  const { app, node, store, queues, tasks, concurrency, pid, msg } = first.ready
  assert.deepEqual(
    { app, node, concurrency, queues },
    { app: 'shop', node: 'one', concurrency: 1, queues: ['shop', 'later'] },
  )
  assert.equal(pid, first.process.pid)
  assert.equal(store, `embedded:${join(cwd, '.carom', 'shop.sqlite')}`)
  assert.ok(Array.isArray(tasks) && tasks.includes('shop.add'))
  assert.match(String(msg), /^Ready: \d+ tasks/)
})

test('call --wait prints the result alone on stdout, and the rest for the person on stderr', async () => {
  const { code, stdout, stderr } = await run('call', 'shop.add', '--args', '[2, 3]', '--wait')
  assert.equal(code, 0)
  assert.equal(stdout, '5\n')
  assert.match(stderr, /^the shop is loading\nSent "shop\.add" to the queue "shop" as [\w-]{36}\n$/)
})

test('call --wait --json tells id, task, queue, state and result', async () => {
  const words = ['call', 'shop.named', '--kwargs', '{"a": 9, "b": 4}', '--task-id', 'named-1', '--wait', '20s']
  const { doneAt, ...told } = await answer(words, { cwd, env })
  assert.ok(Date.parse(doneAt) > Date.now() - 60_000)
  const meta = { id: 'named-1', state: 'SUCCESS', result: 5, children: [], parentId: null, groupId: null }
  assert.deepEqual(told, { task: 'shop.named', queue: 'shop', ...meta })
  const succeeded = () => [...first.log(), ...second.log()].find(({ taskId }) => taskId === 'named-1')
  const { level, msg } = await until(succeeded, { what: 'a worker has logged it' })
  assert.deepEqual([level, msg], ['debug', 'Task succeeded'])
})

test('call sends the one object of a task with input as kwargs', async () => {
  const { stdout } = await run('call', 'shop.mail', '--kwargs', '{"to": "ada@example.com"}', '--wait')
  assert.equal(stdout, '"sent to ada@example.com"\n')
})

test('call prints values of every kind as JSON that moves no cursor', async () => {
  const { stdout } = await run('call', 'shop.values', '--wait')
  const text = '{\n  "at": "1970-01-01T00:00:00.000Z",\n  "big": 18446744073709551616,\n  "text": "\\u009bcolour",\n'
  assert.equal(stdout, `${text}  "list": [\n    1,\n    2\n  ]\n}\n`)
})

test('a task that fails ends call with 1: its error and its own stack on stderr, nothing on stdout', async () => {
  const { code, stdout, stderr } = await run('call', 'shop.boom', '--wait', '--task-id', 'boom-1')
  assert.equal(code, 1)
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /carom: Task "shop\.boom" \(boom-1\) failed: RangeError: that\\x1b\[2J is too much \(CAROM_TASK_FAILED\)/,
  )
  assert.match(stderr, /\n {6}at .*fixtures\/shop\.js/)
  assert.match(stderr, /\n {2}cause: Error: a deeper reason/)
  assert.doesNotMatch(stderr, /cli\/main\.js|outcome\.js/)
})

test('result shows a success, a failure, and that there is nothing yet', async () => {
  const [done, text, failed, failedJson, none] = await Promise.all([
    answer(['result', 'named-1', ...NAME], { cwd }),
    carom(['result', 'named-1', ...NAME], { cwd }),
    carom(['result', 'boom-1', ...NAME], { cwd }),
    carom(['result', 'boom-1', ...NAME, '--json'], { cwd }),
    carom(['result', 'nobody', ...NAME, '--json'], { cwd }),
  ])
  assert.equal(done.result, 5)
  assert.deepEqual(text, { code: 0, stdout: '5\n', stderr: '' })
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /^carom: Task boom-1 failed: RangeError: /)
  assert.equal(failedJson.code, 1)
  const { state, error, traceback } = JSON.parse(failedJson.stdout)
  assert.deepEqual([state, error.name, error.cause.message], ['FAILURE', 'RangeError', 'a deeper reason'])
  assert.match(traceback, /fixtures\/shop\.js/)
  assert.equal(jsonError(failedJson).code, 'CAROM_TASK_FAILED')
  assert.equal(none.code, 3)
  assert.equal(JSON.parse(none.stdout).state, 'PENDING')
  assert.equal(jsonError(none).code, 'CAROM_RESULT_TIMEOUT')
})

test('a result that is not there in time ends call and result with 3, with the id for later', async () => {
  const hold = ['call', 'shop.hold', '--args', JSON.stringify([cwd]), '--task-id', 'held', '--wait', '50ms', '--json']
  const late = await run(...hold)
  assert.equal(late.code, 3)
  assert.deepEqual(JSON.parse(late.stdout), { id: 'held', task: 'shop.hold', queue: 'shop' })
  assert.equal(jsonError(late).code, 'CAROM_RESULT_TIMEOUT')
  await until(() => linesOf(join(cwd, 'log')).length > 0, { what: 'the task runs' })

  const shown = await carom(['inspect', 'active', ...NAME, '--destination', 'one,two'], { cwd })
  assert.equal(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /\n {2}held {2}shop\.hold {2}shop +1 +\d/)

  const later = await carom(['result', 'held', ...NAME, '--timeout', '50ms'], { cwd })
  assert.equal(later.code, 3)
  assert.match(later.stderr, /^carom: .*held.* \(CAROM_RESULT_TIMEOUT\)\n$/)
  writeFileSync(join(cwd, 'go'), '')
  assert.equal((await carom(['result', 'held', ...NAME, '--timeout', '20s'], { cwd })).stdout, '"held"\n')
})

test('a child that dies ends call with 1, and its message is in quarantine', async () => {
  const words = ['call', 'shop.crash', '--args', '["s3cret"]', '--task-id', 'crash-1', '--wait', '--json']
  const { code, stdout } = await run(...words)
  assert.equal(code, 1)
  assert.equal(JSON.parse(stdout).error.code, 'CAROM_WORKER_LOST')
  const [aside] = await answer(['quarantine', 'list', ...NAME], { cwd })
  assert.deepEqual([aside.id, aside.task, aside.queue], ['crash-1', 'shop.crash', 'shop'])
  assert.match(aside.reason, /was killed by SIGKILL/)
})

test('inspect ping, registered, active and stats ask both workers of one store', async () => {
  const nodes = [...NAME, '--destination', 'one,two']
  const [ping, registered, active, stats, raw] = await Promise.all([
    carom(['inspect', 'ping', ...nodes], { cwd }),
    carom(['inspect', 'registered', ...nodes], { cwd }),
    carom(['inspect', 'active', ...nodes], { cwd }),
    carom(['inspect', 'stats', ...nodes], { cwd }),
    answer(['inspect', 'stats', ...nodes], { cwd }),
  ])
  assert.equal(ping.stdout, 'WORKER  REPLY\none     pong\ntwo     pong\n')
  assert.match(registered.stdout, /^one\n {2}shop\.add\n {2}shop\.boom\n.*?\n\ntwo\n {2}shop\.add\n/s)
  assert.equal(active.stdout, 'one\n  nothing runs\n\ntwo\n  nothing runs\n')
  assert.match(stats.stdout, /^one\n {2}pid {5}\d+\n {2}up for /)
  assert.match(stats.stdout, /pool +carom\.pool:prefork, 1 children, 4 at once, phase run\n/)
  assert.match(stats.stdout, /SLOT +PID +STATE +DONE +RUNNING +MEMORY +AGE\n +0 +\d+ +ready +\d+ +0 +[\d.]+ [KM]iB/)
  assert.deepEqual(Object.keys(raw), ['one', 'two'])
  assert.equal(raw.one.pid, first.process.pid)
  assert.equal(raw.two.pid, second.process.pid)
  const totals = [raw.one, raw.two].map(({ total }) => total['shop.add'] ?? 0)
  assert.ok(totals[0] + totals[1] >= 1)
})

test('inspect ends with 1 when a worker asked by name does not reply, and still shows those that do', async () => {
  const ended = await carom(['inspect', 'ping', ...NAME, '--destination', 'one,ghost', '--timeout', '500ms'], { cwd })
  assert.equal(ended.code, 1)
  assert.match(ended.stdout, /\none +pong\n$/)
  assert.match(ended.stderr, /ghost missing.* \(CAROM_NO_REPLY\)/)
})

test('status shows the store, its workers and its quarantine', async () => {
  const [text, told] = await Promise.all([
    carom(['status', ...NAME, '--timeout', '500ms'], { cwd }),
    answer(['status', ...NAME, '--timeout', '500ms'], { cwd }),
  ])
  const path = join(cwd, '.carom', 'shop.sqlite')
  assert.equal(told.store.path, path)
  assert.ok(told.store.sizeBytes > 4_096)
  assert.deepEqual([told.app, told.store.type, told.store.reachable], ['shop', 'embedded', true])
  assert.deepEqual([told.workers, told.queues, told.quarantined], [['one', 'two'], [], 1])
  assert.ok(text.stdout.includes(`Store       ${path} (embedded, `), text.stdout)
  assert.match(text.stdout, /Workers {5}2 online: one, two\nQuarantine {2}1 set aside/)
})

test('a worker whose store is deleted ends by itself with 1, and says why', async () => {
  rmSync(join(cwd, '.carom'), { recursive: true })
  assert.deepEqual(await Promise.all([first.exit, second.exit]), [1, 1])
  const { error } = first.log().at(-1) as { error: { code: string; exitCode: number } }
  assert.deepEqual([error.code, error.exitCode], ['CAROM_STORE_GONE', 1])
})
