/** A saved group as Celery's Redis backend keeps it: `{"result": [[id, parent], [tuple, ...]]}`. */
import { isJsonObject } from '../../message/invalid-message.ts'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import type { SavedGroup } from '../../results/saved-group.ts'

export function groupText(group: SavedGroup): string {
  return encodeWireJson({ result: tupleOf(group) })
}

/** `null` for what is no group, whoever has written it. */
export function readGroup(bytes: Uint8Array): SavedGroup | null {
  try {
    const saved = decodeWireJson(UTF8.decode(bytes))
    const member = isJsonObject(saved) ? memberOf(saved.result, 0) : null
    return member === null || typeof member === 'string' ? null : member
  } catch {
    return null
  }
}

/** A result tuple: a task's id and its parent's tuple, and the tuples of a group's members. */
function tupleOf({ groupId, members }: SavedGroup): unknown {
  return [
    [groupId, null],
    members.map((member) => (typeof member === 'string' ? [[member, null], null] : tupleOf(member))),
  ]
}

function memberOf(tuple: unknown, depth: number): string | SavedGroup | null {
  const [own, members] = Array.isArray(tuple) ? tuple : [tuple, null]
  const id: unknown = Array.isArray(own) ? own[0] : own
  if (typeof id !== 'string' || id === '') return null
  if (!Array.isArray(members)) return id
  const read = depth < MAX_DEPTH ? members.map((member) => memberOf(member, depth + 1)) : [null]
  if (read.includes(null)) throw new TypeError('A member of the group is none')
  return { groupId: id, members: read as (string | SavedGroup)[] }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_DEPTH = 32
