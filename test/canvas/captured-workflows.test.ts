/** What follows the messages that Python's producers published. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterChord, afterChordError, afterFailure, afterSuccess } from '../../src/canvas/follow-ups.ts'
import { decodeWireJson } from '../../src/message/wire-json.ts'
import { followed, optionsOf, seen, tasksIn, workflow } from './workflow.ts'

for (const version of ['52', '56']) {
  test(`${version}: the next step of a chain takes the result, and the rest with it, under the id it was given`, () => {
    const { task, embed } = workflow(`redis-${version}-chain`)
    const { messages, ended, parts, chords } = afterSuccess(embed, task, 3)
    assert.deepEqual([messages.length, ended, parts, chords], [1, [], [], []])
    const [next] = messages.map(seen)
    const [last, middle, first] = embed.chain ?? []
    assert.deepEqual([next?.task, next?.args, next?.id], ['demo.add', [3, 3], optionsOf(first).task_id])
    assert.deepEqual(next?.embed.chain, [last, middle])
    assert.deepEqual([next?.parent, next?.root, next?.queue], [task.id, task.rootId, 'celery'])
    assert.equal(messages[0]?.message.properties.reply_to, optionsOf(first).reply_to)
  })

  test(`${version}: an immutable step at the end of a chain gets its own arguments, and an empty chain`, () => {
    const { task, embed } = workflow(`redis-${version}-chain`)
    const [end] = afterSuccess({ ...embed, chain: (embed.chain ?? []).slice(0, 1) }, task, 99).messages.map(seen)
    assert.deepEqual([end?.args, end?.embed.chain], [[5, 6], []])
  })

  test(`${version}: the error links of a chain get the failed id, as a group, and the steps that are left end`, () => {
    const { task, embed } = workflow(`redis-${version}-chain-error`)
    const { messages, ended } = afterFailure(embed, task)
    const [errback] = messages.map(seen)
    assert.deepEqual([errback?.task, errback?.args, errback?.index], ['demo.on_err', [task.id], 0])
    assert.deepEqual([errback?.parent, errback?.root], [task.id, task.rootId])
    assert.equal(typeof errback?.group, 'string')
    const [left] = embed.chain ?? []
    assert.deepEqual(ended, [{ taskId: optionsOf(left).task_id, groupId: null }])
    assert.deepEqual(afterFailure(embed, task).messages, messages)
  })

  test(`${version}: a group at the end of a chain becomes its members, under the ids they were given`, () => {
    const { task, embed } = workflow(`redis-${version}-chain-ends-with-group`)
    const [group] = embed.chain ?? []
    const messages = afterSuccess(embed, task, 3).messages.map(seen)
    assert.deepEqual(
      messages.map(({ id, args, index }) => [id, args, index]),
      tasksIn(group).map((member, index) => [optionsOf(member).task_id, [3, index + 3], index]),
    )
    const groupId = optionsOf(group).task_id
    for (const message of messages) assert.deepEqual([message.group, message.parent], [groupId, task.id])
  })

  test(`${version}: the last task of a chain in a group is the member`, () => {
    const { task, embed } = workflow(`redis-${version}-group-of-chains`, 1)
    const [next] = afterSuccess(embed, task, 6).messages.map(seen)
    // Celery 5.2 numbers only the parts of a chord.
    assert.deepEqual([next?.args, next?.index], [[6, 4], version === '52' ? null : 1])
    assert.equal(typeof next?.group, 'string')
  })

  test(`${version}: a part of a chord reports to it, and the body gets the results`, () => {
    const { task, embed } = workflow(`redis-${version}-chord`, 1)
    const [part, ...others] = afterSuccess(embed, task, 4).parts
    assert.ok(part !== undefined && others.length === 0)
    assert.deepEqual([part.groupId, part.index, part.taskId, part.size], [task.groupId, 1, task.id, null])
    const body = decodeWireJson(Buffer.from(part.body).toString())
    const stood = followed({ id: part.bodyId as string, rootId: task.rootId })
    const [message] = afterChord(body, stood, [2, 4], task.id).messages.map(seen)
    assert.deepEqual([message?.id, message?.task, message?.args], [part.bodyId, 'demo.tsum', [[2, 4]]])
    assert.deepEqual([message?.parent, message?.root, message?.embed.chord], [task.id, task.rootId, null])
  })

  test(`${version}: a chain as the body of a chord goes on behind it, and ends under the body's id`, () => {
    const { task, embed } = workflow(`redis-${version}-chord-body-chain`)
    const [part] = afterSuccess(embed, task, 2).parts
    const stood = followed({ id: part?.bodyId as string })
    const [message] = afterChord(embed.chord, stood, [2, 4], task.id).messages.map(seen)
    assert.deepEqual([message?.task, message?.args], ['demo.tsum', [[2, 4]]])
    const rest = message?.embed.chain ?? []
    assert.deepEqual(
      rest.map((step) => optionsOf(step).task_id),
      [part?.bodyId],
    )
  })
}

test('the body of a chord that failed ends under its id, and its error links get that id', () => {
  const { task, embed } = workflow('redis-52-chord-error')
  const [part] = afterFailure(embed, task).parts
  const { messages, ended } = afterChordError(embed.chord, followed({ id: part?.bodyId as string }))
  assert.deepEqual(ended, [{ taskId: part?.bodyId, groupId: null }])
  assert.deepEqual(
    messages.map(seen).map(({ task: name, args }) => [name, args]),
    [['demo.on_err', [part?.bodyId]]],
  )
})
