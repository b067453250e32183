import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until } from '../support/wait.ts'
import {
  isAlive,
  linesOf,
  ownerOf,
  project,
  type RunningWorker,
  SHOP,
  startedWorker,
  startingWorker,
} from './cli-process.ts'
import { openStore, type Store } from './store.ts'

interface Scene {
  readonly folder: string
  readonly store: Store
  readonly worker: RunningWorker
  /** Lines the running task has written. */
  notes(): string[]
  /** Sends a signal and resolves when the worker has said what it means, as the `nth` one. */
  signal(name: NodeJS.Signals, nth: number): Promise<unknown>
}

/** A worker whose one child runs the task "held", with the task "behind" waiting for it. */
async function scene(t: TestContext, ...flags: string[]): Promise<Scene> {
  const owner = ownerOf(t)
  const folder = project(owner)
  const store = await openStore(owner, folder)
  await store.send('shop.hold', 'held', [folder])
  await store.send('shop.add', 'behind', [1, 2])
  const worker = await startedWorker(owner, ['--app', SHOP, '--concurrency', '1', ...flags], { cwd: folder })
  const notes = () => linesOf(join(folder, 'log'))
  await until(() => notes().length > 0, { what: 'the task runs' })
  return {
    ...{ folder, store, worker, notes },
    async signal(name, nth) {
      worker.process.kill(name)
      const said = () => worker.log().filter(({ event }) => event === 'signal').length >= nth
      await until(said, { what: `the worker has said what signal ${nth} means` })
    },
  }
}

test('the first SIGTERM ends a worker warm: the running task finishes, its result is there, the rest stays queued', async (t) => {
  const { folder, store, worker, signal } = await scene(t)
  await signal('SIGTERM', 1)
  writeFileSync(join(folder, 'go'), '')
  assert.equal(await worker.exit, 0)
  assert.equal(await store.state('held'), 'SUCCESS')
  assert.equal(await store.state('behind'), 'PENDING')
  assert.deepEqual(await store.depths(), { shop: [1, 0, 0] })
  const texts = worker.log().map(({ msg }) => String(msg))
  assert.ok(
    texts.some((text) => /^Ending warm: .* next signal aborts/.test(text)),
    texts.join('\n'),
  )
})

test('the second SIGINT ends a worker cold: the task sees its signal aborted, and its message goes back', async (t) => {
  const { store, worker, notes, signal } = await scene(t, '--cold-grace', '1h')
  await signal('SIGINT', 1)
  await signal('SIGINT', 2)
  assert.equal(await worker.exit, 0)
  assert.equal(notes().at(-1), 'aborted')
  assert.deepEqual(await store.depths(), { shop: [2, 0, 0] })
  assert.equal(await store.state('held'), 'PENDING')
})

test('a task that ignores a cold end is killed after the grace, and the worker has still ended as told', async (t) => {
  const { folder, store, worker, notes, signal } = await scene(t, '--cold-grace', '100ms')
  writeFileSync(join(folder, 'stubborn'), '')
  await signal('SIGTERM', 1)
  await signal('SIGTERM', 2)
  assert.equal(await worker.exit, 0)
  assert.equal(notes().at(-1), 'aborted')
  assert.deepEqual(await store.depths(), { shop: [2, 0, 0] })
})

test('the third signal ends a worker at once: children gone, messages back in the queue, exit code 1', async (t) => {
  const { folder, store, worker, notes, signal } = await scene(t, '--cold-grace', '1h')
  writeFileSync(join(folder, 'stubborn'), '')
  const child = Number(notes()[0]?.split(' ')[1])
  assert.ok(isAlive(child))
  await signal('SIGTERM', 1)
  await signal('SIGINT', 2)
  await signal('SIGTERM', 3)
  assert.equal(await worker.exit, 1)
  await until(() => !isAlive(child), { what: 'the child is gone' })
  assert.deepEqual(await store.depths(), { shop: [2, 0, 0] })
  assert.equal(await store.state('held'), 'PENDING')
})

test('a signal before a worker is ready ends it at once, with 0 and without leaving its children behind', async (t) => {
  const owner = ownerOf(t)
  const cwd = project(owner)
  const module = `import { appendFileSync } from 'node:fs'\nappendFileSync('pids', process.pid + '\\n')\n`
  writeFileSync(join(cwd, 'app.js'), `${module}await new Promise(() => setInterval(() => {}, 1000))\n`)
  const worker = startingWorker(owner, ['--app', './app.js', '--concurrency', '2'], { cwd })
  const pids = () => linesOf(join(cwd, 'pids'))
  await until(() => pids().length === 2, { what: 'two children load the app' })
  worker.process.kill('SIGTERM')
  assert.equal(await worker.exit, 0)
  await until(() => !pids().some((pid) => isAlive(Number(pid))), { what: 'the children are gone' })
  assert.ok(worker.log().some(({ msg }) => msg === 'Ending before the start: nothing runs yet'))
})
