/** A part of a chord as Celery writes it, `[1, id, status, result]`, and what the set of them says. */
import { encodeFailure } from '../../message/failure-meta.ts'
import { isJsonObject } from '../../message/invalid-message.ts'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import type { ChordPart, CompleteChord } from '../../results/chord.ts'
import { isReady, type TaskState } from '../../results/meta.ts'
import { valueText } from './result-text.ts'

export function chordEntry({ taskId, status, result }: ChordPart): string {
  const value = valueText(result) ?? encodeWireJson(missing(`The result of task ${taskId} is not JSON`))
  return `[1, ${JSON.stringify(taskId)}, ${JSON.stringify(status)}, ${value}]`
}

/**
 * The parts in order, within each other where Celery has saved the group with its groups: what was saved names the
 * tasks, the entries say how they ended. Never throws: an entry that cannot be read is a failure that says so.
 */
export function completeChord(entries: readonly Buffer[], saved: Buffer): CompleteChord {
  const parts = entries.map(readEntry)
  const tuples = membersOf(saved)
  if (tuples === null) return parts
  const byTask = new Map(parts.map((part) => [part.taskId, part]))
  return tuples.map((tuple) => nested(tuple, byTask, 0))
}

function readEntry(entry: Buffer): ChordPart {
  try {
    const [, taskId, status, result] = decodeWireJson(UTF8.decode(entry)) as unknown[]
    if (typeof taskId === 'string' && isReady(status as TaskState)) {
      return { taskId, status: status as ChordPart['status'], result: Buffer.from(encodeWireJson(result)) }
    }
  } catch {
    // As one that says nothing.
  }
  return failed('unknown', 'What is stored of a part of this chord cannot be read')
}

/** The members of a saved group `{"result": [[id, parent], [tuple, ...]]}`; `null` where there is none. */
function membersOf(saved: Buffer): readonly unknown[] | null {
  if (saved.length === 0) return null
  try {
    const group = decodeWireJson(UTF8.decode(saved))
    const members = isJsonObject(group) && Array.isArray(group.result) ? group.result[1] : null
    return Array.isArray(members) ? members : null
  } catch {
    return null
  }
}

function nested(tuple: unknown, byTask: ReadonlyMap<string, ChordPart>, depth: number): ChordPart | CompleteChord {
  const [own, members] = Array.isArray(tuple) ? tuple : [tuple, null]
  if (Array.isArray(members) && depth < MAX_DEPTH) return members.map((member) => nested(member, byTask, depth + 1))
  const id = String(Array.isArray(own) ? own[0] : own)
  return byTask.get(id) ?? failed(id, 'This part of the chord is not among those that have ended')
}

function failed(taskId: string, message: string): ChordPart {
  return { taskId, status: 'FAILURE', result: Buffer.from(encodeWireJson(missing(message))) }
}

function missing(message: string) {
  return encodeFailure({ name: 'CaromError', message, stack: null, code: 'CAROM_MESSAGE_INVALID' })
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_DEPTH = 32
