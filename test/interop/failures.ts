/** Every kind of failure between Python's Celery and Carom, both ways. */
import assert from 'node:assert/strict'
import { isCaromError, TaskError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import type { Mixed } from './mixed-lab.ts'
import type { Called } from './python.ts'

const BUILTINS =
  'ArithmeticError AssertionError AttributeError BrokenPipeError BufferError ConnectionAbortedError ConnectionError ' +
  'ConnectionRefusedError ConnectionResetError EOFError FileExistsError FileNotFoundError ImportError IndexError ' +
  'InterruptedError IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError NotADirectoryError ' +
  'NotImplementedError OSError OverflowError PermissionError ProcessLookupError RecursionError RuntimeError ' +
  'TimeoutError TypeError ValueError ZeroDivisionError'

interface Expected {
  readonly name: string
  readonly message: RegExp
  readonly module: string
  readonly args?: readonly unknown[]
}

const FROM_PYTHON: Readonly<Record<string, Expected>> = {
  value: { name: 'ValueError', message: /^bad value, 42$/, module: 'builtins', args: ['bad value', 42] },
  key: { name: 'KeyError', message: /^missing$/, module: 'builtins' },
  silent: { name: 'RuntimeError', message: /^$/, module: 'builtins' },
  own: { name: 'OutOfStock', message: /^no more, 42$/, module: 'mixed', args: ['no more', 42] },
  object: { name: 'OutOfStock', message: /<class 'object'>/, module: 'mixed' },
  unicode: { name: 'RuntimeError', message: /^ü 🎱 \u2028 \0$/, module: 'builtins' },
  long: { name: 'RuntimeError', message: /^x{16000,}…$/, module: 'builtins' },
  nested: { name: 'OutOfStock', message: /deep/, module: 'mixed' },
}

export function failures(mixed: Mixed): void {
  async function failureOf(task: string, request: Readonly<Record<string, unknown>>): Promise<Called> {
    const called = await mixed.python.call(task, request)
    assert.equal(called.state, 'FAILURE', JSON.stringify(called))
    return called
  }

  mixed.test('an error of a Carom task whose name is that of a class of Python is raised as that class', async () => {
    for (const name of BUILTINS.split(' ')) {
      const { error } = await failureOf('ts.fails', { args: [name] })
      assert.deepEqual(error, { type: name, module: 'builtins', args: [`it was a ${name}`] })
    }
    const celery = await failureOf('ts.fails', { args: ['MaxRetriesExceededError'] })
    assert.deepEqual([celery.error?.type, celery.error?.module], ['MaxRetriesExceededError', 'celery.exceptions'])
  })

  for (const [kind, type, message] of [
    ['coded', 'CardError', /^card declined$/],
    // Python has classes of these names that mean something else, or that end a process.
    ['SyntaxError', 'SyntaxError', /^it was a SyntaxError$/],
    ['ReferenceError', 'ReferenceError', /^it was a ReferenceError$/],
    ['SystemExit', 'SystemExit', /^it was a SystemExit$/],
    ['KeyboardInterrupt', 'KeyboardInterrupt', /^it was a KeyboardInterrupt$/],
    ['GeneratorExit', 'GeneratorExit', /^it was a GeneratorExit$/],
    ['Exception', 'Exception', /^it was a Exception$/],
    ['os.system', 'os.system', /^it was a os.system$/],
    ['__class__', '__class__', /^it was a __class__$/],
    ['ü 🎱', 'ü 🎱', /^it was a ü 🎱$/],
    ['aggregate', 'AggregateError', /^several$/],
    ['cause', 'TypeError', /^outer$/],
    ['long', 'RangeError', /^x{16000,}…$/],
    ['string', 'NonErrorThrown', /a plain string/],
    ['null', 'NonErrorThrown', /null/],
    ['unnamed', 'Error', /^no name$/],
    ['surrogate', 'Error', /^half /],
  ] as const) {
    mixed.test(`what a Carom task throws (${kind}) is raised in Python, and its client lives on`, async () => {
      const { error, traceback } = await failureOf('ts.fails', { args: [kind] })
      assert.equal(error?.type, type)
      assert.equal(error?.args.length, 1)
      assert.match(error?.args[0] ?? '', message)
      // Only errors have stacks.
      if (kind !== 'string' && kind !== 'null') assert.match(traceback ?? '', /^\S/)
      if (kind === 'cause') assert.match(traceback ?? '', /^TypeError: outer\n {4}at /)
      // What has no counterpart in Python is a class that Celery makes up there.
      if (kind !== 'cause') assert.equal(error?.module, 'celery.exceptions')
    })
  }

  for (const [what, task, args, type, message] of [
    ['a result that is no data', 'ts.gives', [], 'CaromError', /cannot be stored/],
    ['a child that was killed, again and again', 'ts.dies', [], 'WorkerLostError', /crash 2 of 2/],
  ] as const) {
    mixed.test(`${what} is a failure that Python raises`, async () => {
      const { error } = await failureOf(task, { args, timeout: 20 })
      assert.equal(error?.type, type)
      assert.match(error?.args[0] ?? '', message)
    })
  }

  for (const [kind, { name, message, module, args }] of Object.entries(FROM_PYTHON)) {
    mixed.test(`a Python task that raises (${kind}) is a TaskError in Carom`, async () => {
      const result = await mixed.carom.python.fails.delay(kind)
      await assert.rejects(result.get({ timeoutMs: 10_000 }), (error: unknown) => {
        assert.ok(error instanceof TaskError && isCaromError(error, 'CAROM_TASK_FAILED'))
        assert.equal(error.name, name)
        assert.match(error.message, message)
        assert.equal(error.remoteModule, module)
        if (args !== undefined) assert.deepEqual(error.facts.args, args)
        assert.match(error.stack ?? '', /Traceback \(most recent call last\)[\s\S]*mixed\.py/)
        return true
      })
      assert.equal(await result.state(), 'FAILURE')
    })
  }

  mixed.test('a task that no Python worker knows fails as NotRegistered', async () => {
    const result = await mixed.carom.python.unknown.delay()
    await assert.rejects(result.get({ timeoutMs: 10_000 }), (error: unknown) => {
      assert.ok(error instanceof TaskError)
      assert.deepEqual([error.name, error.message], ['NotRegistered', 'py.noSuchTask'])
      return true
    })
  })

  mixed.test(
    'a Python task that ends with Ignore or Reject stores nothing in Celery 5.2: who waits waits in vain',
    async () => {
      for (const kind of ['ignore', 'reject']) {
        const result = await mixed.carom.python.fails.delay(kind)
        await (await mixed.carom.python.add.delay(1, 1)).get({ timeoutMs: 10_000 })
        assert.equal(await result.state(), 'PENDING', kind)
        await assert.rejects(result.get({ timeoutMs: 200 }), (error: unknown) =>
          isCaromError(error, 'CAROM_RESULT_TIMEOUT'),
        )
      }
    },
  )

  mixed.test('both workers live on', async () => {
    assert.equal((await mixed.python.call('ts.add', { args: [1, 2] })).value, 3)
    assert.equal(await (await mixed.carom.python.add.delay(1, 2)).get({ timeoutMs: 10_000 }), 3)
    await until(() => mixed.pythonWorker.process.exitCode === null, { what: 'the Python worker runs' })
  })
}
