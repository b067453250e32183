/** What a child says of runs and of what follows them, checked before the worker acts on it: a child is a stranger. */
import type { EndedTask, FollowUps, PartOfChord } from '../../canvas/follow-ups.ts'
import type { ChordSize, CompleteChord } from '../../results/chord.ts'
import { readFailure } from '../../support/failure.ts'
import type { ChordOrder } from '../orders.ts'
import type { FinishedChord } from './follow.ts'
import { checkPublished, fields, invalid } from './published.ts'
import type { SaidOfRun } from './run-task.ts'

/** @throws CaromError `CAROM_MESSAGE_INVALID` naming the field. */
export function checkSaidOfRun(said: unknown): SaidOfRun {
  if (said instanceof Uint8Array) return said
  const { result, failure, later, followUps } = fields('how a run has ended', said)
  if (later !== undefined) return { later: checkFollowUps(later) }
  if (failure !== undefined) return { failure: readFailure(failure), followUps: checkFollowUps(followUps) }
  if (result instanceof Uint8Array)
    return { result, followUps: { ...checkFollowUps(followUps), ...checkUnlocked(followUps) } }
  throw invalid('a result of bytes', result)
}

export function checkFinishedChord(said: unknown): FinishedChord {
  const { failure, followUps } = fields('a finished chord', said)
  const failed = failure === null || failure === undefined ? null : readFailure(failure)
  return { failure: failed, followUps: checkFollowUps(followUps) }
}

export function checkFollowUps(said: unknown): FollowUps {
  const { messages, chords, parts, ended } = fields('what follows', said)
  return {
    messages: checkPublished(messages),
    chords: list('chords', chords).map(checkChord),
    parts: list('parts', parts).map(checkPart),
    ended: list('ended tasks', ended).map(checkEnded),
  }
}

function checkUnlocked(said: unknown): { readonly unlocked?: ChordOrder } {
  const { unlocked } = fields('what follows', said)
  if (unlocked === undefined) return {}
  const { groupId, body, bodyId, partId, rootId, queue, parts } = fields('a complete chord', unlocked)
  if (!(body instanceof Uint8Array)) throw invalid('a chord body of bytes', body)
  const order = {
    groupId: text('the group of a chord', groupId),
    body,
    bodyId: typeof bodyId === 'string' ? bodyId : null,
    partId: text('the id of a part', partId),
    rootId: text('the root of a chord', rootId),
    queue: text('a queue name', queue),
    parts: checkParts(parts, 0),
  }
  return { unlocked: order }
}

function checkParts(said: unknown, depth: number): CompleteChord {
  if (depth > MAX_DEPTH) throw invalid('parts of a chord, less deep', said)
  return list('parts', said).map((each) => {
    if (Array.isArray(each)) return checkParts(each, depth + 1)
    const { taskId, status, result } = fields('a part of a chord', each)
    if (!(result instanceof Uint8Array)) throw invalid('a result of bytes', result)
    const isKnown = status === 'SUCCESS' || status === 'FAILURE' || status === 'REVOKED'
    if (!isKnown) throw invalid('how a part has ended', status)
    return { taskId: text('the id of a part', taskId), status, result }
  })
}

function checkChord(said: unknown): ChordSize {
  const { groupId, size } = fields('a chord', said)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1) throw invalid('the size of a chord', size)
  return { groupId: text('the group of a chord', groupId), size }
}

function checkPart(said: unknown): PartOfChord {
  const { groupId, index, taskId, size, body, bodyId } = fields('a part of a chord', said)
  if (!(body instanceof Uint8Array)) throw invalid('a chord body of bytes', body)
  return {
    groupId: text('the group of a chord', groupId),
    index: count('the place of a part', index),
    taskId: text('the id of a part', taskId),
    size: count('the size of a chord', size),
    body,
    bodyId: typeof bodyId === 'string' ? bodyId : null,
  }
}

function checkEnded(said: unknown): EndedTask {
  const { taskId, groupId } = fields('a task that has ended', said)
  return { taskId: text('the id of a task', taskId), groupId: typeof groupId === 'string' ? groupId : null }
}

function list(what: string, said: unknown): readonly unknown[] {
  if (Array.isArray(said)) return said
  throw invalid(`a list of ${what}`, said)
}

/** A number that a store can keep, or none. */
function count(what: string, said: unknown): number | null {
  if (said === null || said === undefined) return null
  if (typeof said === 'number' && Number.isSafeInteger(said)) return said
  throw invalid(what, said)
}

function text(what: string, said: unknown): string {
  if (typeof said === 'string' && said !== '') return said
  throw invalid(what, said)
}

const MAX_DEPTH = 64
