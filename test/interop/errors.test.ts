/** Errors both ways on Redis: what JavaScript throws, raised by Python's Celery, and what Python raises, thrown here. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TaskError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import { type Lab, openLab, skip } from './error-lab.ts'

const GET = { timeoutMs: 20_000 }
const bounded = { skip, timeout: 60_000 }
let lab: Lab
let tasks: typeof import('./fixtures/error-tasks.ts')

before(async () => {
  if (skip !== false) return
  lab = await openLab()
  tasks = await import('./fixtures/error-tasks.ts')
  await Promise.all([lab.startCaromWorker(), lab.startPythonWorker()])
})
after(async () => {
  await tasks?.app.close()
  await lab?.close()
})

interface Raised {
  readonly type: string
  readonly module: string
  readonly text: string
  readonly state: string
  readonly traceback: string | null
}

/** By the name of the case: class, module and text in Python, which makes the classes that it has not. */
const MADE = 'celery.exceptions'
const IN_PYTHON: Readonly<Record<keyof typeof tasks.KINDS, readonly [string, string, string | RegExp]>> = {
  type: ['TypeError', 'builtins', 'no function'],
  range: ['RangeError', MADE, 'too far'],
  syntax: ['SyntaxError', MADE, 'odd'],
  reference: ['ReferenceError', MADE, 'who'],
  uri: ['URIError', MADE, '%'],
  own: ['OutOfStock', MADE, 'none left: ü 😀'],
  celerys: ['NotRegistered', 'celery.exceptions', /not a member/],
  cause: ['Error', MADE, 'outer'],
  aggregate: ['AggregateError', MADE, 'both'],
  string: ['NonErrorThrown', MADE, 'plain text'],
  null: ['NonErrorThrown', MADE, /null was thrown/],
  undefined: ['NonErrorThrown', MADE, /undefined was thrown/],
  number: ['NonErrorThrown', MADE, /number was thrown/],
  object: ['Error', MADE, 'an object'],
  abort: ['AbortError', MADE, /aborted/],
  timeout: ['TimeoutError', 'builtins', 'too slow'],
  carom: ['CaromError', MADE, 'disk full'],
  frozen: ['Error', MADE, 'cold'],
  noMessage: ['Error', MADE, ''],
  long: ['Error', MADE, /^x{10000,}…$/],
  odd: ['Error', MADE, /"\\$/],
  nameless: ['Error', MADE, 'called '],
  numbered: ['Error', MADE, 'called 7'],
  dotted: ['a.b', MADE, 'called a.b'],
  python: ['print', MADE, 'called print'],
  exits: ['SystemExit', MADE, 'called SystemExit'],
  interrupts: ['KeyboardInterrupt', MADE, 'called KeyboardInterrupt'],
  decode: ['UnicodeDecodeError', MADE, 'called UnicodeDecodeError'],
  builtin: ['KeyError', 'builtins', "'called KeyError'"],
  retry: ['Retry', 'celery.exceptions', /called Retry/],
  dunder: ['__init__', MADE, 'called __init__'],
  broken: ['a\ufffd\ufffd\ufffdb', MADE, /^called a/],
}

test('whatever JavaScript throws is raised in Python, and is an exception', bounded, async (t) => {
  assert.deepEqual(Object.keys(IN_PYTHON).sort(), Object.keys(tasks.KINDS).sort())
  const sent = await tasks.raises.applyMany(Object.keys(IN_PYTHON).map((kind): [string] => [kind]))
  for (const [index, [kind, [type, module, text]]] of Object.entries(IN_PYTHON).entries()) {
    const raised = await lab.ask<Raised>('get', { id: sent[index]?.id })
    await t.test(`${kind} is ${type} in Python`, () => {
      assert.equal(raised.type, type, JSON.stringify(raised))
      assert.deepEqual([raised.state, raised.module], ['FAILURE', module])
      if (typeof text === 'string') assert.equal(raised.text, text)
      else assert.match(raised.text, text)
      if (['type', 'own', 'cause'].includes(kind)) assert.match(raised.traceback ?? '', /error-tasks\.js:\d+/)
    })
  }
})

/** By the name of the case in `errors.py`: name, module, code, message and args here. */
const HERE: Readonly<Record<string, readonly [string, string, string, string | RegExp, unknown?]>> = {
  value: ['ValueError', 'builtins', 'CAROM_TASK_FAILED', 'bad value, 42', ['bad value', 42]],
  one: ['ValueError', 'builtins', 'CAROM_TASK_FAILED', 'bad value'],
  none: ['ValueError', 'builtins', 'CAROM_TASK_FAILED', '', undefined],
  own: ['OutOfStock', 'errors', 'CAROM_TASK_FAILED', 'none left: ü 😀'],
  nested: ['Shelf.Empty', 'errors', 'CAROM_TASK_FAILED', 'empty'],
  key: ['KeyError', 'builtins', 'CAROM_TASK_FAILED', 'who'],
  object: ['OutOfStock', 'errors', 'CAROM_TASK_FAILED', /object object at/],
  noMessage: ['NoMessage', 'errors', 'CAROM_TASK_FAILED', ''],
  unicode: ['UnicodeDecodeError', 'builtins', 'CAROM_TASK_FAILED', /broken/],
  os: ['FileNotFoundError', 'builtins', 'CAROM_TASK_FAILED', '2, No such file', [2, 'No such file']],
  soft: ['SoftTimeLimitExceeded', 'billiard.exceptions', 'CAROM_SOFT_TIME_LIMIT', '3', [3]],
  hard: ['TimeLimitExceeded', 'billiard.exceptions', 'CAROM_TIME_LIMIT', '3', [3]],
  lost: ['WorkerLostError', 'billiard.exceptions', 'CAROM_WORKER_LOST', /exited prematurely/],
  chord: ['ChordError', 'celery.exceptions', 'CAROM_TASK_FAILED', 'Dependency x raised y'],
}

async function thrownBy(task: string, args: readonly unknown[] = []): Promise<TaskError> {
  const id = await lab.ask<string>('call', { task, args })
  return tasks.app
    .result(id)
    .get(GET)
    .then(
      () => assert.fail(`${task} did not fail`),
      (error: TaskError) => error,
    )
}

test('whatever Python raises is thrown here, with its name, module, args and traceback', bounded, async (t) => {
  for (const [kind, [name, module, code, message, args]] of Object.entries(HERE)) {
    const error = await thrownBy('py.raises', [kind])
    await t.test(`${kind} is ${name} here`, () => {
      assert.deepEqual([error.name, error.remoteModule, error.code], [name, module, code])
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      if (args !== undefined) assert.deepEqual(error.facts.args, args)
      // A lost worker has none: Celery stores that twice, the second time without.
      if (kind === 'lost') return
      assert.match(error.stack ?? '', /Traceback.*errors\.py.*waited for here.*errors\.test/s)
    })
  }
})

test("Celery's own endings are thrown here as what they are", bounded, async () => {
  const caused = await thrownBy('py.caused')
  assert.deepEqual([caused.name, caused.message], ['OutOfStock', 'then'])
  assert.match(caused.stack ?? '', /KeyError: 'first'.*direct cause/s)
  const unknown = await thrownBy('py.nobodyHasThis')
  assert.deepEqual(
    [unknown.name, unknown.code, unknown.message],
    ['NotRegistered', 'CAROM_TASK_UNKNOWN', 'py.nobodyHasThis'],
  )
  const exhausted = await thrownBy('py.exhausted')
  assert.deepEqual([exhausted.name, exhausted.code], ['MaxRetriesExceededError', 'CAROM_TASK_FAILED'])
  const expired = await lab.ask<string>('call', { task: 'py.add', args: [1, 1], expires: -10 })
  await assert.rejects(tasks.app.result(expired).get(GET), { code: 'CAROM_TASK_EXPIRED' })
})

test('a task that has not ended has a state, whatever Python stores with it', bounded, async () => {
  const cases: [string, unknown[], string][] = [
    ['py.retries', [], 'RETRY'],
    ['py.raises', ['ignore'], 'STARTED'],
    ['py.raises', ['reject'], 'STARTED'],
    ['py.progress', ['PROGRESS', { done: 3, of: [1, null] }], 'STARTED'],
    ['py.progress', ['ODD', 'text'], 'STARTED'],
    ['py.progress', ['STARTED', null], 'STARTED'],
    ['py.progress', ['RETRY', {}], 'RETRY'],
    ['py.progress', ['RECEIVED', [1]], 'RECEIVED'],
  ]
  for (const [task, args, state] of cases) {
    const result = tasks.app.result(await lab.ask<string>('call', { task, args }))
    await until(async () => (await result.state()) === state, { what: `${task} ${args} is ${state}` })
    const meta = await result.meta()
    assert.deepEqual([meta.state, meta.value, meta.error, meta.doneAt], [state, undefined, undefined, null])
    await assert.rejects(result.get({ timeoutMs: 1 }), { code: 'CAROM_RESULT_TIMEOUT', state })
  }
})
