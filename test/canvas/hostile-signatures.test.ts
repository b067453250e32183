/** Signatures are a stranger's: what is wrong with them is said, and nothing of them is sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterFailure, afterSuccess, checkEmbed } from '../../src/canvas/follow-ups.ts'
import { frozenId } from '../../src/canvas/frozen-ids.ts'
import { pythonRepr } from '../../src/canvas/python-repr.ts'
import { applied, readSignature } from '../../src/canvas/wire-signature.ts'
import { isCaromError } from '../../src/errors.ts'
import { chord, container, embedOf, followed, seen, sig } from './workflow.ts'

function nested(depth: number): unknown {
  let tree: unknown = sig('a')
  for (let level = 0; level < depth; level++) tree = container('group', [tree])
  return tree
}

for (const [what, link, field] of [
  ['no object', 5, /callbacks\[0\] is a number/],
  ['no task', { task: 7 }, /task/],
  ['arguments that are none', sig('a', { args: { length: 3 } }), /args/],
  ['keyword arguments that are none', sig('a', { kwargs: [] }), /kwargs/],
  ['options that are none', sig('a', { options: 'x' }), /options/],
  ['a chain without tasks', sig('celery.chain', { subtask_type: 'chain' }), /tasks/],
  ['a chord without a body', chord([sig('a')], null), /body/],
  ['chunks of nothing', sig('celery.chunks', { subtask_type: 'chunks', kwargs: { it: [1], n: 0 } }), /n is/],
  ['a nesting without end', nested(500), /nested/],
  ['a task name without end', sig('x'.repeat(5_000)), /characters/],
  ['more messages than anybody needs', container('group', Array(10_001).fill(sig('a'))), /messages/],
  ["a queue of Redis's own", sig('a', { options: { queue: 'unacked' } }), /options\.queue/],
  ['a queue of ours', sig('a', { options: { queue: 'carom.leases' } }), /options\.queue/],
  ['a queue with a NUL', sig('a', { options: { queue: 'a\0b' } }), /NUL/],
  ['a queue of more bytes than AMQP names', sig('a', { options: { queue: 'é'.repeat(128) } }), /256 bytes/],
] as const) {
  test(`a link with ${what} is refused`, () => {
    const embed = embedOf({ callbacks: [link] })
    const refuse = (error: unknown) => isCaromError(error, 'CAROM_MESSAGE_INVALID') && field.test(error.message)
    assert.throws(() => checkEmbed(embed, followed()), refuse)
    assert.throws(() => afterSuccess(embed, followed(), 1), refuse)
  })
}

for (const [what, steps] of [
  ['a chain', Array(2_000).fill(sig('a'))],
  ['a group in a chain', [container('group', Array(2_000).fill(sig('a')))]],
] as const) {
  test(`many error links of ${what} of many steps are refused before they are multiplied`, () => {
    const link_error = Array.from({ length: 2_000 }, (_, index) => sig(`e${index}`))
    const embed = embedOf({ callbacks: [container('chain', steps, { link_error })] })
    const startedMs = performance.now()
    const before = process.memoryUsage().rss
    assert.throws(() => checkEmbed(embed, followed()), { code: 'CAROM_MESSAGE_INVALID', message: /10000 links/ })
    assert.ok(performance.now() - startedMs < 1_000, `it took ${performance.now() - startedMs} ms`)
    const grownBytes = process.memoryUsage().rss - before
    assert.ok(grownBytes < 100e6, `it took ${grownBytes} bytes`)
  })
}

test('error links of chains within chains are told apart in bearable time', () => {
  let chain = container('chain', Array(100).fill(sig('a')))
  for (let level = 0; level < 60; level++) {
    chain = container('chain', [chain], { link_error: Array.from({ length: 90 }, (_, n) => sig(`e${level}-${n}`)) })
  }
  const startedMs = performance.now()
  assert.throws(() => checkEmbed(embedOf({ callbacks: [chain] }), followed()), { code: 'CAROM_MESSAGE_INVALID' })
  assert.ok(performance.now() - startedMs < 2_000, `it took ${performance.now() - startedMs} ms`)
})

test('queues are looked at in error links, in the next step of a chain, and in each member of a group', () => {
  const lost = sig('a', { options: { queue: 'celery-task-meta-1' } })
  for (const embed of [
    { errbacks: [lost] },
    { chain: [lost] },
    { callbacks: [container('group', [sig('b'), lost])] },
  ]) {
    assert.throws(() => checkEmbed(embedOf(embed), followed()), { code: 'CAROM_MESSAGE_INVALID' })
  }
})

test('a step whose place in a chord is no integer is refused before anything runs', () => {
  const step = (group_index: unknown) =>
    sig('a', { options: { task_id: 't', group_id: 'g', group_index, chord: sig('sum') } })
  for (const index of [Number.NaN, 1.5, 2 ** 60, '1', Infinity]) {
    const refuse = { code: 'CAROM_MESSAGE_INVALID', message: /group_index/ }
    assert.throws(() => checkEmbed(embedOf({ chain: [step(index)] }), followed()), refuse, String(index))
  }
  for (const index of [0, 7, null]) {
    const [part] = afterFailure(embedOf({ chain: [step(index)] }), followed()).parts
    assert.equal(part?.index, index)
  }
})

test('the steps and the bodies of what cannot run end with it, however they are nested, each once', () => {
  const options = (task_id: string, more = {}) => ({ options: { task_id, ...more } })
  const member = { group_id: 'outer', group_index: 3, chord: sig('sum', options('sum')) }
  const last = chord([sig('part')], sig('body', options('body', member)), { task_id: 'body' })
  const chain = [last, container('group', [sig('m', options('m'))], { task_id: 'gid' }), sig('next', options('next'))]
  const { ended, parts } = afterFailure(embedOf({ chain }), followed())
  assert.deepEqual(
    ended.map(({ taskId }) => taskId),
    ['next', 'gid', 'm', 'body'],
  )
  assert.deepEqual(
    parts.map(({ groupId, index, taskId, bodyId }) => [groupId, index, taskId, bodyId]),
    [['outer', 3, 'body', 'sum']],
  )
})

test('a part says how many there are where its message does, and keys of others stay in the body', () => {
  const body = sig('sum', { chord_size: 2, custom: { a: 1 } })
  const [part] = afterSuccess(embedOf({ chord: body }), followed({ groupId: 'g' }), 1).parts
  assert.equal(part?.size, 2)
  assert.deepEqual(JSON.parse(Buffer.from(part?.body ?? []).toString()), body)
  assert.deepEqual(afterSuccess(embedOf({ chord: body }), followed(), 1).parts, [])
})

test('an application prepends arguments, adds options, and leaves group and stamps as they were', () => {
  const options = { group_id: 'mine', stamped_headers: ['s'], s: 'old', queue: 'a', priority: null }
  const signature = readSignature(sig('t', { args: [2], kwargs: { a: 1, b: 1 }, options }), 'test')
  const added = { group_id: 'other', s: 'new', queue: 'b', chain: null, priority: 3 }
  const call = applied(signature, { args: [1], kwargs: { b: 2 }, options: added })
  assert.deepEqual([call.args, call.kwargs], [[1, 2], { a: 1, b: 2 }])
  assert.deepEqual(call.options, { group_id: 'mine', stamped_headers: ['s'], s: 'old', queue: 'b', priority: 3 })
})

test('error links that are immutable get no id', () => {
  const embed = embedOf({ errbacks: [sig('e', { immutable: true, args: [9] }), sig('f')] })
  assert.deepEqual(
    afterFailure(embed, followed()).messages.map((message) => seen(message).args),
    [[9], ['one']],
  )
})

test('frozen ids look like any other', () => {
  assert.match(frozenId('seed', 'path'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.notEqual(frozenId('a', 'b'), frozenId('a', 'c'))
  assert.notEqual(frozenId('a', 'b'), frozenId('b', 'b'))
})

test('a stored exception is shown as Python shows one', () => {
  const shown = (exc_type: string, exc_message: unknown) => pythonRepr({ exc_type, exc_message })
  assert.equal(
    shown('ValueError', ['bad', 42, null, [true], { a: 1.5 }]),
    "ValueError('bad', 42, None, [True], {'a': 1.5})",
  )
  assert.equal(shown('KeyError', "it's"), 'KeyError("it\'s")')
  assert.equal(pythonRepr(null), 'Error()')
})
