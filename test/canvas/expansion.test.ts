/** Chains, groups and chords taken apart: what goes where, under which id. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Expansion } from '../../src/canvas/expansion.ts'
import { afterSuccess } from '../../src/canvas/follow-ups.ts'
import { readSignature } from '../../src/canvas/wire-signature.ts'
import { chord, container, embedOf, followed, NOW_MS, optionsOf, seen, sig, tasksIn } from './workflow.ts'

function expand(signature: unknown, args: readonly unknown[] = [1]) {
  const expansion = new Expansion({ ...followed(), seed: 'one', parentId: 'one' })
  expansion.apply(readSignature(signature, 'test'), { args }, 'test')
  return { messages: expansion.messages.map(seen), chords: expansion.chords, raw: expansion.messages }
}

test('one link is sent alone, many as a group, and a group among them for itself', () => {
  const alone = afterSuccess(embedOf({ callbacks: [sig('a')] }), followed(), 7).messages.map(seen)
  assert.deepEqual([alone.length, alone[0]?.group, alone[0]?.args], [1, null, [7]])
  const callbacks = [sig('a'), container('group', [sig('b'), sig('c')]), sig('d', { immutable: true })]
  const many = afterSuccess(embedOf({ callbacks }), followed(), 7).messages.map(seen)
  assert.deepEqual(
    many.map(({ task, args, index }) => [task, args, index]),
    [
      ['b', [7], 0],
      ['c', [7], 1],
      ['a', [7], 0],
      ['d', [], 1],
    ],
  )
  const [b, c, a, d] = many.map(({ group }) => group)
  assert.ok(b === c && a === d && a !== b && typeof a === 'string')
})

test('what is expanded twice has the same ids, and another seed gives others', () => {
  const tree = container('chain', [sig('a'), container('group', [sig('b'), sig('c')]), sig('d')])
  assert.deepEqual(expand(tree), expand(tree))
  const other = new Expansion({ ...followed(), seed: 'two', parentId: 'one' })
  other.apply(readSignature(tree, 'test'), { args: [1] }, 'test')
  assert.notEqual(other.messages.map(seen)[0]?.id, expand(tree).messages[0]?.id)
})

test('a chain goes as its first step, the rest rides along with frozen ids, the next one last', () => {
  const errback = sig('oops')
  const options = { link: [sig('after')], link_error: [errback], task_id: 'end', queue: 'first' }
  const inner = container('chain', [sig('b'), sig('c')])
  const { messages } = expand(container('chain', [sig('a', { args: [2] }), inner, sig('d')], options))
  const [first] = messages
  assert.deepEqual([messages.length, first?.task, first?.args, first?.queue], [1, 'a', [1, 2], 'first'])
  const rest = first?.embed.chain ?? []
  assert.deepEqual(
    rest.map(({ task }) => task),
    ['d', 'c', 'b'],
  )
  const given = rest.map(optionsOf)
  assert.equal(given[0]?.task_id, 'end')
  assert.ok(given.every(({ task_id }) => typeof task_id === 'string'))
  assert.deepEqual(
    given.map(({ link }) => link),
    [[sig('after')], undefined, undefined],
  )
  for (const { link_error } of given) assert.deepEqual(link_error, [errback])
  assert.deepEqual(first?.embed.errbacks, [errback])
  assert.equal(first?.embed.callbacks, null)
})

test('the error links of a chain go to the body of a chord in it, and to each member of a group', () => {
  const steps = [sig('a'), chord([sig('b')], sig('body')), container('group', [sig('c'), sig('d')])]
  const [first] = expand(container('chain', steps, { link_error: [sig('oops')] })).messages
  const [last] = first?.embed.chain ?? []
  assert.equal(last?.subtask_type, 'group')
  for (const member of tasksIn(last)) assert.deepEqual(optionsOf(member).link_error, [sig('oops')])
  assert.equal(optionsOf(last).link_error, undefined)
  const [, inner] = first?.embed.chain ?? []
  const { header, body } = (inner as unknown as { kwargs: { header: unknown[]; body: unknown } }).kwargs
  assert.deepEqual([optionsOf(body).link_error, optionsOf(inner).link_error], [[sig('oops')], undefined])
  assert.deepEqual(header, [sig('b')])
  const upgraded = expand(
    container('chain', [container('group', [sig('a'), sig('b')]), sig('c')], { link_error: [sig('oops')] }),
  )
  for (const { embed } of upgraded.messages) assert.equal(embed.errbacks, null)
  assert.deepEqual(optionsOf(upgraded.messages[0]?.embed.chord).link_error, [sig('oops')])
})

test('a group before a step is the header of a chord, whose body goes on with the chain', () => {
  const tree = container('chain', [container('group', [sig('a'), sig('b')]), sig('sum'), sig('end')], {
    task_id: 'last',
  })
  const { messages, chords } = expand(tree)
  assert.deepEqual(
    messages.map(({ task, args, index }) => [task, args, index]),
    [
      ['a', [1], 0],
      ['b', [1], 1],
    ],
  )
  const groupId = messages[0]?.group
  assert.deepEqual(chords, [{ groupId, size: 2 }])
  const body = messages[1]?.embed.chord
  assert.equal(body?.task, 'sum')
  const { chain, task_id } = optionsOf(body)
  const [end] = chain as { task: string }[]
  assert.equal(typeof task_id, 'string')
  assert.deepEqual([end?.task, optionsOf(end).task_id], ['end', 'last'])
})

test('a group of one is that one, and an empty group is nothing', () => {
  const tree = container('chain', [container('group', []), container('group', [sig('a')]), sig('b')])
  const { messages, chords } = expand(tree)
  assert.deepEqual([messages.length, messages[0]?.task, messages[0]?.group, chords], [1, 'a', null, []])
  assert.deepEqual(expand(container('chain', [])).messages, [])
})

test('the end of a chord keeps the id that it has, also where Celery 5.2 has given the chord that of its header', () => {
  const body = container('chain', [sig('b', { options: { task_id: 'b' } }), sig('c', { options: { task_id: 'end' } })])
  const header = container('group', [sig('a'), sig('a')], { task_id: 'header' })
  const { messages } = expand(chord(header, body, { task_id: 'header' }))
  for (const { group, embed } of messages) {
    assert.equal(group, 'header')
    assert.equal(optionsOf(embed.chord).task_id, 'end')
    assert.deepEqual(
      tasksIn(embed.chord).map((task) => optionsOf(task).task_id),
      ['b', 'end'],
    )
  }
  const free = expand(chord([sig('a'), sig('a')], sig('sum'), { task_id: 'given' }))
  assert.equal(optionsOf(free.messages[0]?.embed.chord).task_id, 'given')
})

test('a chord counts the last of a chain, every member of a group, the body of a chord', () => {
  const header = [
    sig('a'),
    container('chain', [sig('b'), sig('c')]),
    container('group', [sig('d'), sig('e')]),
    chord([sig('f'), sig('g')], sig('inner')),
    container('chain', [sig('h'), container('group', [sig('i'), sig('j')])]),
  ]
  const { messages, chords } = expand(chord(header, sig('sum', { options: { task_id: 'sum' } })))
  const outer = messages[0]?.group as string
  const [inner] = chords.filter(({ groupId }) => groupId !== outer)
  assert.equal(chords.find(({ groupId }) => groupId === outer)?.size, 7)
  assert.equal(inner?.size, 2)
  const parts = messages.filter(({ group }) => group === outer).map(({ task, index }) => [task, index])
  assert.deepEqual(parts, [
    ['a', 0],
    ['d', 2],
    ['e', 3],
  ])
  const f = messages.find(({ task }) => task === 'f')
  const body = optionsOf(f?.embed.chord)
  assert.deepEqual([f?.group, body.group_id, body.group_index], [inner?.groupId, outer, 4])
  assert.equal((body.chord as { task: string }).task, 'sum')
  const h = messages.find(({ task }) => task === 'h')
  const members = tasksIn(h?.embed.chain?.[0])
  assert.deepEqual([h?.group, h?.embed.chord], [null, null])
  assert.deepEqual(
    members.map(optionsOf).map(({ group_id, group_index }) => [group_id, group_index]),
    [
      [outer, 5],
      [outer, 6],
    ],
  )
})

test('a member that was frozen as part of a chord keeps its place when its group is sent', () => {
  const options = { group_id: 'outer', group_index: 4, chord: sig('sum'), task_id: 'x' }
  const [message] = expand(container('group', [sig('a', { options })], { task_id: 'gid' })).messages
  assert.deepEqual([message?.group, message?.index, message?.embed.chord?.task], ['outer', 4, 'sum'])
})

test('an empty chord runs its body with no results, and error links of a chord belong to the body', () => {
  const { messages, chords } = expand(chord([], sig('sum')), [])
  assert.deepEqual([messages.length, messages[0]?.args, chords], [1, [[]], []])
  const parts = expand(chord([sig('a')], sig('sum'), { link_error: [sig('oops')], task_id: 'id' })).messages
  const body = optionsOf(parts[0]?.embed.chord)
  assert.deepEqual([parts[0]?.embed.errbacks, body.link_error, body.task_id], [null, [sig('oops')], 'id'])
})

test('chunks are a group of starmaps, and a map takes no arguments from before', () => {
  const kwargs = { task: sig('add'), it: [[1], [2], [3]], n: 2 }
  const chunks = expand(sig('celery.chunks', { kwargs, subtask_type: 'chunks' })).messages
  assert.deepEqual(
    chunks.map(({ task, args, kwargs: given, index }) => [task, args, given.it, index]),
    [
      ['celery.starmap', [], [[1], [2]], 0],
      ['celery.starmap', [], [[3]], 1],
    ],
  )
  const [map] = expand(sig('celery.map', { kwargs: { task: sig('a'), it: [1] }, subtask_type: 'xmap' })).messages
  assert.deepEqual([map?.task, map?.args, map?.kwargs.it], ['celery.map', [], [1]])
})

test('options become headers and properties; those that are null count as not given', () => {
  const options = {
    queue: 'q',
    priority: 7,
    countdown: 1.5,
    expires: 60,
    time_limit: 10,
    soft_time_limit: 5.5,
    retries: 2,
    shadow: 'shown',
    reply_to: 'me',
    ignore_result: true,
    headers: { custom: 'x', task: 'not mine', id: 'nor this' },
    replaced_task_nesting: 3,
    stamped_headers: ['stamp'],
    stamp: ['a'],
    chain: null,
    link: null,
    group_id: null,
  }
  const [sent] = expand(sig('a', { options, kwargs: { k: 1 } })).raw
  const { headers, properties } = sent?.message ?? {}
  assert.equal(sent?.queue, 'q')
  assert.deepEqual(
    [headers?.timelimit, headers?.retries, headers?.shadow, headers?.ignore_result, headers?.custom, headers?.task],
    [[10, 5.5], 2, 'shown', true, 'x', 'a'],
  )
  assert.deepEqual(
    [headers?.stamped_headers, headers?.stamps, headers?.replaced_task_nesting],
    [['stamp'], { stamp: ['a'] }, 3],
  )
  assert.deepEqual(
    [Date.parse(headers?.eta as string), Date.parse(headers?.expires as string)],
    [NOW_MS + 1500, NOW_MS + 60_000],
  )
  assert.deepEqual([properties?.priority, properties?.expiration, properties?.reply_to], [7, '60000', 'me'])
  assert.equal(properties?.correlation_id, headers?.id)
})

test('stamps of the task before go on with what follows, under those of its own', () => {
  const options = { stamped_headers: ['own', 'both'], own: 1, both: 2 }
  const task = followed({ stamps: { both: 0, before: 3 } })
  const [sent] = afterSuccess(embedOf({ callbacks: [sig('a', { options })] }), task, 1).messages
  assert.deepEqual(sent?.message.headers.stamps, { both: 2, before: 3, own: 1 })
  assert.deepEqual(sent?.message.headers.stamped_headers, ['both', 'before', 'own'])
})

test('an exchange with a routing key is refused unless it is the own one of its queue, and one alone says nothing', () => {
  const queueOf = (options: object) => expand(sig('a', { options })).raw[0]?.queue
  const own = queueOf({})
  assert.equal(queueOf({ routing_key: 'r', exchange: '' }), own)
  assert.equal(queueOf({ exchange: 'e' }), own)
  assert.equal(queueOf({ queue: 'q', routing_key: 'r' }), 'q')
  assert.equal(queueOf({ queue: 'q', exchange: 'q', routing_key: 'q' }), 'q')
  for (const queue of [undefined, 'q', 'e']) {
    const refusal = {
      code: 'CAROM_MESSAGE_INVALID',
      field: 'options.exchange',
      message: /"e", with the routing key "r"/,
    }
    assert.throws(() => queueOf({ queue, exchange: 'e', routing_key: 'r' }), refusal)
  }
})

test('a large message can be compressed', () => {
  const [sent] = expand(sig('a', { options: { compression: 'gzip' } })).raw
  assert.equal(sent?.message.headers.compression, 'application/x-gzip')
  assert.deepEqual(seen(sent as NonNullable<typeof sent>).args, [1])
})
