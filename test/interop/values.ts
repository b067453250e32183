/** What calls carry between Python's Celery and Carom, both ways. */
import assert from 'node:assert/strict'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/index.ts'
import { until } from '../support/wait.ts'
import { GET, ledger, type Mixed, on } from './mixed-lab.ts'

const LARGE = 1024 * 1024
const VALUES: readonly (readonly [string, unknown])[] = [
  ['text beyond ASCII', 'ü "quoted" 🎱 \u2028 \u0000 </script>'],
  ['an integer of 60 bits', 2n ** 60n],
  ['an integer of 200 bits', -(2n ** 200n)],
  ['NaN and infinities', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ['numbers', [0, -1, 0.1, 1e21, 5e-324, 1.7976931348623157e308]],
  ['nothing, in all its places', [null, [], {}, '', [[]], { '': null }]],
  ['odd keys', { __proto__x: 1, constructor: 2, 'a b': 3, ü: 4 }],
]

export function values(mixed: Mixed): void {
  for (const [what, value] of VALUES) {
    mixed.test(`Python sends ${what} to a Carom task, and reads it back`, async () => {
      assert.deepEqual((await mixed.python.call('ts.echo', { args: [value] })).value, value)
    })
    mixed.test(`Carom sends ${what} to a Python task, and reads it back`, async () => {
      const result = await mixed.carom.python.echo.delay(value)
      assert.deepEqual(await result.get(GET), [[value], {}])
    })
  }

  mixed.test(
    'a whole float from Python stays a number, and one from Carom arrives as an int: JavaScript has one kind',
    async () => {
      const asked = { command: 'call', task: 'ts.show', args: [2] }
      assert.equal(((await mixed.python.ask(asked)) as { value: string }).value, 'number 2')
      assert.equal(await (await mixed.carom.python.show.delay(2)).get(GET), '2')
      assert.equal(await (await mixed.carom.python.show.delay(2n ** 60n)).get(GET), '1152921504606846976')
    },
  )

  mixed.test(
    "dates and bytes from Carom are kombu's tags: objects to Celery 5.2, which reads none (5.3 does), and back",
    async () => {
      const at = new Date('2026-01-02T03:04:05.678Z')
      const shown = await (await mixed.carom.python.show.delay([at, Buffer.from([0, 255])])).get(GET)
      assert.match(
        shown,
        /^\[\{'__type__': 'datetime', '__value__': '2026-01-02T03:04:05\.678.*'\}, \{'__type__': 'base64'/,
      )
      const [[echoed]] = (await (await mixed.carom.python.echo.delay([at])).get(GET)) as [[unknown[]]]
      assert.deepEqual(echoed, [at])
    },
  )

  mixed.test('a date that Python 5.2 sends is text to Carom: so kombu writes it before 5.3', async () => {
    const value = await mixed.python.ask({ command: 'dates' })
    assert.equal(value, 'string 2026-01-02T03:04:05Z')
  })

  mixed.test('a megabyte of arguments and of a result goes both ways', async () => {
    const text = 'ü'.repeat(LARGE / 2)
    assert.equal((await mixed.python.call('ts.length', { args: [text] })).value, text.length)
    assert.equal((await mixed.python.call('ts.echo', { args: [text] })).value, text)
    assert.equal(await (await mixed.carom.python.length.delay(text)).get(GET), text.length)
    assert.deepEqual(await (await mixed.carom.python.echo.delay(text)).get(GET), [[text], {}])
  })

  mixed.test(
    'Python gives arguments of a Carom task by name where the task has argNames, and is told where it has none',
    async () => {
      assert.deepEqual((await mixed.python.call('ts.named', { kwargs: { a: 'x', b: 'y' } })).value, ['x', 'y'])
      assert.deepEqual((await mixed.python.call('ts.named', { args: ['x'], kwargs: { b: 'z' } })).value, ['x', 'z'])
      assert.deepEqual((await mixed.python.call('ts.named', { kwargs: { a: 'x' } })).value, ['x', 'b'])
      const refused = await mixed.python.call('ts.add', { kwargs: { x: 1, y: 2 } })
      assert.match(refused.error?.args[0] ?? '', /takes positional arguments and was given "x", "y" by name/)
      const unknown = await mixed.python.call('ts.named', { args: ['x'], kwargs: { c: 1 } })
      assert.match(unknown.error?.args[0] ?? '', /it has no argument "c"/)
    },
  )

  mixed.test('Carom gives arguments of a Python task by name', async () => {
    const result = await mixed.carom.python.echo.applyAsync([], { kwargs: { text: 'ü', list: [1, null] } })
    assert.deepEqual(await result.get(GET), [[], { text: 'ü', list: [1, null] }])
  })

  for (const compression of ['gzip', 'zlib'] as const) {
    mixed.test(`a body that Python compressed with ${compression} is run by Carom`, async () => {
      const asked = { args: ['compressible '.repeat(10_000)], options: { compression } }
      assert.equal((await mixed.python.call('ts.length', asked)).value, 130_000)
    })
  }

  mixed.test(
    'a body in bzip2, which Carom does not read, is set aside with the reason, and the next is run',
    async () => {
      const id = await mixed.python.ask({
        command: 'send',
        task: 'ts.length',
        args: ['x'],
        options: { compression: 'bzip2' },
      })
      const broker = await openBroker(process.env.CAROM_BROKER_URL as string, { appName: 'mixed' })
      try {
        const quarantined = await until(
          async () => (await broker.quarantine.list()).find(({ taskId }) => taskId === id),
          {
            what: 'it is set aside',
          },
        )
        assert.match(quarantined.reason, /compression/)
      } finally {
        await broker.close()
      }
      assert.equal((await mixed.python.call('ts.add', { args: [2, 3] })).value, 5)
    },
  )

  mixed.test('a body that Carom compressed with gzip is run by Python', async () => {
    const text = 'compressible '.repeat(10_000)
    const result = await mixed.carom.python.length.applyAsync([text], { compression: 'gzip' })
    assert.equal(await result.get(GET), text.length)
  })

  mixed.test('headers of the caller arrive, both ways', async () => {
    const custom = { text: 'ü 🎱', list: [1, null, [true]], deep: { yes: true, half: 0.5 }, less: -1, more: 2 ** 40 }
    const called = await mixed.python.call('ts.describe', { options: { headers: { custom } } })
    assert.deepEqual((called.value as { custom: unknown }).custom, custom)
    const result = await mixed.carom.python.describe.applyAsync([], { headers: { custom } })
    assert.deepEqual(((await result.get(GET)) as { custom: unknown }).custom, custom)
  })

  mixed.test('an id that the caller chose is the id, both ways', async () => {
    for (const taskId of ['order-17/ü', 'x'.repeat(200)]) {
      const called = await mixed.python.call('ts.describe', { options: { task_id: taskId } })
      assert.deepEqual([called.id, (called.value as { id: string }).id], [taskId, taskId])
    }
    const taskId = 'from-carom:17'
    const result = await mixed.carom.python.describe.applyAsync([], { taskId })
    const seen = (await result.get(GET)) as Record<string, unknown>
    assert.deepEqual([result.id, seen.id, seen.root_id, seen.correlation_id], [taskId, taskId, taskId, taskId])
    assert.deepEqual([seen.retries, seen.timelimit, seen.queue], [0, [null, null], 'py'])
  })

  mixed.test('many calls at once each get their own result, both ways', async () => {
    const numbers = Array.from({ length: 50 }, (_, index) => index)
    const sent = await Promise.all(numbers.map((n) => mixed.carom.python.add.delay(n, 1)))
    assert.deepEqual(
      await Promise.all(sent.map((result) => result.get(GET))),
      numbers.map((n) => n + 1),
    )
    const specs = numbers.map((n) => on('ts', 'add', [n, n]))
    const sums = await mixed.python.ask({ command: 'workflows', specs, timeout: 20 })
    assert.deepEqual(
      sums,
      numbers.map((n) => n + n),
    )
  })

  mixed.test('a result that is ignored is not stored, and goes to nobody, whoever says so', async () => {
    const { python } = mixed.carom
    const ignored = await python.noted.applyAsync([], { ignoreResult: true })
    await assert.rejects(ignored.get(GET), (error: unknown) => isCaromError(error, 'CAROM_RESULT_IGNORED'))
    const quiet = await python.quiet.delay()
    const sent = [
      (await mixed.python.ask({ command: 'send', task: 'ts.noted', options: { ignore_result: true } })) as string,
      (await mixed.python.ask({ command: 'send', task: 'ts.quiet' })) as string,
    ]
    const all = [ignored.id, quiet.id, ...sent]
    await until(() => all.every((id) => ledger().some(({ taskId }) => taskId === id)), { what: 'all have run' })
    // A reply of theirs would have come before those of the next calls.
    assert.equal(await (await python.add.delay(1, 1)).get(GET), 2)
    assert.equal(await quiet.state(), 'PENDING')
    assert.equal((await mixed.python.call('ts.add', { args: [1, 1] })).value, 2)
    for (const id of sent) {
      assert.equal(((await mixed.python.ask({ command: 'state', id })) as { state: string }).state, 'PENDING')
    }
  })
}
