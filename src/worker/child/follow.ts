/** What follows a task or a chord, found out where bodies are decoded: in a child. */
import type { AppInternals } from '../../app/internals.ts'
import type { ContentChoice } from '../../app/wire-format.ts'
import {
  afterChord,
  afterChordError,
  afterFailure,
  afterSuccess,
  type FollowedTask,
  type FollowUps,
} from '../../canvas/follow-ups.ts'
import { pythonRepr } from '../../canvas/python-repr.ts'
import type { Stamps } from '../../canvas/signature-message.ts'
import { compressionNamed, whyNotCompress } from '../../message/compression.ts'
import { encodeFailure } from '../../message/failure-meta.ts'
import { isJsonObject } from '../../message/invalid-message.ts'
import type { TaskHeaders } from '../../message/message.ts'
import { isSerializerName } from '../../message/serializers.ts'
import { type Embed, readTask } from '../../message/task-message.ts'
import { decodeWireJson } from '../../message/wire-json.ts'
import type { ChordPart, CompleteChord } from '../../results/chord.ts'
import { type Failure, toFailure } from '../../support/failure.ts'
import type { ChordOrder, RunOrder } from '../orders.ts'

/** The task of a message, as those see it that follow. */
export function followedTask(app: AppInternals, headers: TaskHeaders, queue: string): FollowedTask {
  const { id, root_id, group, group_index } = headers
  return {
    id,
    rootId: root_id ?? id,
    groupId: group ?? null,
    groupIndex: group_index ?? null,
    stamps: stampsOf(headers),
    ...surroundings(app, queue),
  }
}

/** The values of the stamps that the headers name. */
function stampsOf({ stamped_headers: names, stamps }: TaskHeaders): Stamps {
  if (!Array.isArray(names) || !isJsonObject(stamps)) return {}
  return Object.fromEntries(
    names.filter((name) => typeof name === 'string').map((name) => [name, stamps[name] ?? null]),
  )
}

/** Of a message whose task no child has run to its end. */
export function followFailure(app: AppInternals, order: RunOrder): FollowUps {
  const { headers, embed } = readTask({ ...order, properties: {} }, app.format.readOptions())
  return afterFailure(embed, followedTask(app, headers, order.queue))
}

export function followSuccess(embed: Embed, task: FollowedTask, result: Uint8Array): FollowUps {
  // What was stored, not what the task still holds in its hand: both have to be the same.
  return afterSuccess(embed, task, decodeJson(result))
}

/** What the parts of a complete chord lead to: its body, or the failure that the body stores instead. */
export interface FinishedChord {
  readonly failure: Failure | null
  readonly followUps: FollowUps
}

export function finishChord(app: AppInternals, order: ChordOrder): FinishedChord {
  const { body, bodyId, groupId, rootId, partId, parts, queue } = order
  const task = {
    id: bodyId ?? groupId,
    rootId,
    groupId: null,
    groupIndex: null,
    stamps: {},
    ...surroundings(app, queue),
  }
  const signature = decodeJson(body)
  const failed = firstFailed(parts)
  if (failed !== undefined) {
    const text = `Dependency ${failed.taskId} raised ${pythonRepr(decodeJson(failed.result))}`
    return { failure: chordError(text), followUps: afterChordError(signature, task) }
  }
  try {
    return { failure: null, followUps: afterChord(signature, task, resultsOf(parts), partId) }
  } catch (error) {
    const text = `Callback error: ${pythonRepr(encodeFailure(toFailure(error)))}`
    return { failure: chordError(text), followUps: afterChordError(signature, task) }
  }
}

export function chordError(message: string): Failure {
  return { name: 'ChordError', message, stack: null, code: null, cause: null, facts: {} }
}

/**
 * A task that says no queue goes to its own; one that this app does not know, or that has none, stays in the queue of
 * the task before it, where somebody listens.
 */
function surroundings(app: AppInternals, queue: string): Pick<FollowedTask, 'knowledge' | 'nowMs'> {
  const settings = (task: string) => (app.tasks.get(task) ?? app.remoteTasks.get(task))?.settings
  const knowledge = {
    queueOf: (task: string) => settings(task)?.queue ?? queue,
    priorityOf: (task: string) => settings(task)?.priority ?? undefined,
    ignoresResult: (task: string) => (settings(task)?.ignoreResult === true ? true : undefined),
    writingOf: (task: string, serializer?: string, compression?: string) =>
      app.format.writing(contentChoice(serializer, compression), settings(task) ?? {}),
  }
  return { knowledge, nowMs: Date.now() }
}

/** What a signature asks for, as far as it can be had here; a name that is unknown here is left to the app's own choice. */
function contentChoice(serializer: string | undefined, compression: string | undefined): ContentChoice {
  const name = compressionNamed(compression ?? '')
  return {
    serializer: isSerializerName(serializer) ? serializer : undefined,
    compression: name !== null && whyNotCompress(name) === null ? name : undefined,
  }
}

function firstFailed(parts: CompleteChord): ChordPart | undefined {
  for (const part of parts) {
    const found = 'taskId' in part ? (part.status === 'SUCCESS' ? undefined : part) : firstFailed(part)
    if (found !== undefined) return found
  }
  return undefined
}

function resultsOf(parts: CompleteChord): unknown[] {
  return parts.map((part) => ('taskId' in part ? decodeJson(part.result) : resultsOf(part)))
}

function decodeJson(bytes: Uint8Array): unknown {
  return decodeWireJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
}
