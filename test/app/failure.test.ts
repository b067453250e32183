import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import {
  type CaromError,
  isCaromError,
  SoftTimeLimitExceeded,
  TimeLimitExceeded,
  WorkerLostError,
} from '../../src/errors.ts'
import type { FailureToEncode } from '../../src/message/failure-meta.ts'
import type { ResultMeta } from '../../src/results/meta.ts'
import { TaskError } from '../../src/results/remote-error.ts'
import { createApp, jsonBytes, memoryUrl, openDesk } from './desk.ts'

test('a failed task rejects with the remote name, message, stack and cause', async (t) => {
  const stack = 'RangeError: too big\n    at build (/remote/tasks.js:7:3)'
  const disk: FailureToEncode = {
    name: 'Error',
    message: 'no space',
    stack: 'Error: no space\n    at write (/remote/disk.js:1:1)',
    code: 'ENOSPC',
  }
  const failure = {
    name: 'RangeError',
    message: 'too big',
    stack,
    code: 'E_BIG',
    facts: { limit: 5 },
    cause: { facts: {}, cause: null, code: null, ...disk },
  }

  const error = (await failureOf(t, { status: 'FAILURE' }, failure)) as TaskError

  assert.ok(error instanceof TaskError && error instanceof Error)
  assert.equal(error.name, 'RangeError')
  assert.equal(error.message, 'too big')
  assert.equal(error.code, 'CAROM_TASK_FAILED')
  assert.equal(error.remoteCode, 'E_BIG')
  assert.deepEqual(error.facts, { limit: 5 })
  assert.equal(error.task, 'shop.t')
  assert.ok(isCaromError(error, 'CAROM_TASK_FAILED'))
  const lines = error.stack?.split('\n') ?? []
  assert.deepEqual(lines.slice(0, 2), stack.split('\n'))
  assert.equal(lines[2], '    -- in another process; waited for here --')
  assert.ok(
    lines.slice(3).some((line) => line.includes('failureOf')),
    `the place that waited is missing:\n${error.stack}`,
  )
  const cause = error.cause as Error & { code?: string }
  assert.ok(cause instanceof Error)
  assert.deepEqual([cause.name, cause.message, cause.code, cause.stack], ['Error', 'no space', 'ENOSPC', disk.stack])
  assert.match(inspect(error), /remote\/tasks\.js.*\[cause\]: Error: no space/s)
})

test('a failed Python task rejects with its exception, its traceback as the stack', async (t) => {
  const traceback = 'Traceback (most recent call last):\n  File "tasks.py", line 3, in build\nValueError: bad month'
  const python = jsonBytes({ exc_type: 'ValueError', exc_message: ['bad month'], exc_module: 'builtins' })
  const error = (await failureOf(t, { status: 'FAILURE', result: python, traceback })) as TaskError
  assert.deepEqual(
    [error.name, error.message, error.code, error.remoteModule],
    ['ValueError', 'bad month', 'CAROM_TASK_FAILED', 'builtins'],
  )
  assert.ok(error.stack?.startsWith(`ValueError: bad month\n${traceback}\n`), error.stack)
})

test('a task given up because its children died rejects with a WorkerLostError', async (t) => {
  const lost = {
    name: 'WorkerLostError',
    message: 'child 7 was killed',
    stack: null,
    code: 'CAROM_WORKER_LOST',
    facts: { pid: 7 },
  }
  const ours = (await failureOf(t, { status: 'FAILURE' }, lost)) as WorkerLostError
  assert.ok(ours instanceof WorkerLostError)
  assert.deepEqual([ours.code, ours.message, ours.facts], ['CAROM_WORKER_LOST', 'child 7 was killed', { pid: 7 }])
  const python = { exc_type: 'WorkerLostError', exc_message: ['Worker exited'], exc_module: 'billiard.exceptions' }
  const theirs = await failureOf(t, { status: 'FAILURE', result: jsonBytes(python) })
  assert.ok(theirs instanceof WorkerLostError)
})

test('an expired task rejects with CAROM_TASK_EXPIRED, a revoked one with CAROM_TASK_REVOKED', async (t) => {
  const meta = (reason: string) =>
    jsonBytes({ exc_type: 'TaskRevokedError', exc_message: [reason], exc_module: 'celery.exceptions' })
  const expired = await failureOf(t, { status: 'REVOKED', result: meta('expired') })
  assert.equal(expired.code, 'CAROM_TASK_EXPIRED')
  assert.match(expired.message, /Task "shop.t" \(.*\) had not started when its time was over/)
  const revoked = await failureOf(t, { status: 'REVOKED', result: meta('revoked') })
  assert.deepEqual([revoked.code, revoked.name], ['CAROM_TASK_REVOKED', 'TaskRevokedError'])
})

test('the exceptions of Celery and Billiard have the codes that mean the same', async (t) => {
  const table = [
    ['NotRegistered', 'celery.exceptions', 'CAROM_TASK_UNKNOWN', TaskError],
    ['TaskRevokedError', 'celery.exceptions', 'CAROM_TASK_REVOKED', TaskError],
    ['TimeLimitExceeded', 'billiard.exceptions', 'CAROM_TIME_LIMIT', TimeLimitExceeded],
    ['SoftTimeLimitExceeded', 'billiard.exceptions', 'CAROM_SOFT_TIME_LIMIT', SoftTimeLimitExceeded],
    ['WorkerLostError', 'billiard.exceptions', 'CAROM_WORKER_LOST', WorkerLostError],
    ['MaxRetriesExceededError', 'celery.exceptions', 'CAROM_TASK_FAILED', TaskError],
    ['ChordError', 'celery.exceptions', 'CAROM_TASK_FAILED', TaskError],
    ['Retry', 'celery.exceptions', 'CAROM_TASK_FAILED', TaskError],
    ['Ignore', 'celery.exceptions', 'CAROM_TASK_FAILED', TaskError],
    ['Reject', 'celery.exceptions', 'CAROM_TASK_FAILED', TaskError],
    ['NotRegistered', 'shop.errors', 'CAROM_TASK_FAILED', TaskError],
    ['TimeLimitExceeded', null, 'CAROM_TASK_FAILED', TaskError],
  ] as const
  for (const [name, module, code, type] of table) {
    const result = jsonBytes({ exc_type: name, exc_message: ['x', 3], exc_module: module })
    const error = (await failureOf(t, { status: 'FAILURE', result })) as TaskError
    assert.deepEqual([error.name, error.code, error.remoteModule], [name, code, module], name)
    assert.deepEqual(error.facts, { args: ['x', 3] })
    assert.ok(error instanceof type, name)
  }
})

test('a class of a task that has the name of one of Celery is nothing but that', async (t) => {
  for (const name of ['NotRegistered', 'WorkerLostError', 'TimeLimitExceeded']) {
    const error = await failureOf(t, { status: 'FAILURE' }, { name, message: 'x', stack: `${name}: x` })
    assert.deepEqual([error.name, error.code], [name, 'CAROM_TASK_FAILED'])
  }
})

test('a code that says why the task could not run is kept, one of its own waiting is not', async (t) => {
  const failure = (code: string) => ({ name: 'CaromError', message: 'x', stack: null, code })
  const invalid = (await failureOf(t, { status: 'FAILURE' }, failure('CAROM_ARGUMENTS_INVALID'))) as TaskError
  assert.deepEqual([invalid.code, invalid instanceof TaskError], ['CAROM_ARGUMENTS_INVALID', true])
  const nested = (await failureOf(t, { status: 'FAILURE' }, failure('CAROM_RESULT_TIMEOUT'))) as TaskError
  assert.deepEqual([nested.code, nested.remoteCode], ['CAROM_TASK_FAILED', 'CAROM_RESULT_TIMEOUT'])
})

test('meta() of a failed task holds the error that get() rejects with', async (t) => {
  const { sent, desk } = await sendOne(t)
  await desk.fail(await desk.next(), { name: 'RangeError', message: 'too big', stack: null })
  const meta = await sent.meta()
  assert.deepEqual(
    [meta.state, meta.value, meta.error?.name, meta.error?.message],
    ['FAILURE', undefined, 'RangeError', 'too big'],
  )
})

test('a stored failure or result that makes no sense is still one clear error', async (t) => {
  for (const result of ['null', '"text"', '{"exc_type": 5}', '[]']) {
    const error = await failureOf(t, { status: 'FAILURE', result: Buffer.from(result) })
    assert.equal(error.code, 'CAROM_TASK_FAILED', result)
    assert.ok(error.message.length > 0)
  }
  for (const result of [Buffer.from('{'), Buffer.from([0xff])]) {
    const error = await failureOf(t, { status: 'SUCCESS', result })
    assert.equal(error.code, 'CAROM_MESSAGE_INVALID')
    assert.match(error.message, /stored result of task .* is not JSON/)
  }
})

async function failureOf(t: TestContext, meta: Partial<ResultMeta>, failure?: FailureToEncode): Promise<CaromError> {
  const { sent, desk } = await sendOne(t)
  const delivery = await desk.next()
  if (failure === undefined) await desk.settle(delivery, meta)
  else await desk.fail(delivery, failure)
  try {
    await sent.get({ timeoutMs: 2_000 })
  } catch (error) {
    return error as CaromError
  }
  throw new Error('The task did not fail')
}

async function sendOne(t: TestContext) {
  const broker = memoryUrl()
  const desk = await openDesk(t, broker)
  const sent = await createApp(t, { broker })
    .task('shop.t', () => 1)
    .delay()
  return { desk, sent }
}
