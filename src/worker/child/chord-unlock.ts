/**
 * `celery.chord_unlock`: how a Python producer whose result backend knows no chords has one joined. The task looks
 * whether all parts have ended, and is sent again a little later as long as they have not.
 */
import type { AppInternals } from '../../app/internals.ts'
import { endId } from '../../canvas/shapes.ts'
import { readSignature } from '../../canvas/wire-signature.ts'
import { CaromError } from '../../errors.ts'
import { toWireDate } from '../../message/dates.ts'
import type { TaskHeaders } from '../../message/message.ts'
import { encodeWireJson } from '../../message/wire-json.ts'
import { ask } from '../../pool/child/ask.ts'
import type { ChordPart, CompleteChord } from '../../results/chord.ts'
import type { RunOrder } from '../orders.ts'
import { Continued, NOTHING_MORE } from './continued.ts'

/** Ids of a header's parts; a list is a group within it. */
type Header = readonly (string | Header)[]

export async function unlockChord(
  _app: AppInternals,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  order: RunOrder,
): Promise<Continued> {
  const { group_id: groupId = args[0], callback = args[1], interval = args[2], max_retries: most = args[3] } = kwargs
  const { result: tuples = args[4] } = kwargs
  if (typeof groupId !== 'string' || !Array.isArray(tuples)) throw misused('it needs the id and the parts of a group')
  const header = tuples.map((tuple) => memberOf(tuple, 0))
  const ids = idsOf(header)
  const outcomes = new Map((await outcomesOf(ids)).map((outcome, index) => [ids[index] as string, outcome]))
  if ([...outcomes.values()].includes(null)) return again(order, interval, most)
  const body = readSignature(callback, 'callback')
  const { id, root_id } = order.headers as TaskHeaders
  const unlocked = {
    groupId,
    body: Buffer.from(encodeWireJson(body, { root: 'callback' })),
    bodyId: endId(body, 'callback') ?? null,
    partId: id,
    rootId: root_id ?? id,
    queue: order.queue,
    parts: partsOf(header, outcomes as ReadonlyMap<string, Omit<ChordPart, 'taskId'>>),
  }
  return new Continued({ followUps: { ...NOTHING_MORE, unlocked } })
}

/** Celery's own way to wait: the same message once more, one retry further. */
function again(order: RunOrder, interval: unknown, most: unknown): Continued {
  const { queue, contentType, contentEncoding, body } = order
  const headers = order.headers as TaskHeaders
  const retries = (headers.retries ?? 0) + 1
  if (typeof most === 'number' && retries > most) throw misused(`its parts have not ended after ${most} retries`)
  const waitMs = typeof interval === 'number' && interval >= 0 ? interval * 1000 : DEFAULT_INTERVAL_MS
  const eta = toWireDate(Math.round(Date.now() + waitMs))
  const message = {
    headers: { ...headers, retries, eta, parent_id: headers.id },
    properties: { correlation_id: headers.id, delivery_mode: 2 as const, priority: 0 },
    contentType,
    contentEncoding,
    body,
  }
  return new Continued({ isLater: true, followUps: { ...NOTHING_MORE, messages: [{ queue, message }] } })
}

async function outcomesOf(ids: readonly string[]): Promise<readonly (Omit<ChordPart, 'taskId'> | null)[]> {
  return (await ask('outcomes', ids)) as readonly (Omit<ChordPart, 'taskId'> | null)[]
}

/** Of a result as Celery writes one: `[[id, parent], null]`, or `[[id, parent], [members]]` for a group. */
function memberOf(tuple: unknown, depth: number): string | Header {
  const [name, members] = Array.isArray(tuple) ? tuple : []
  if (depth < MAX_DEPTH && Array.isArray(members)) return members.map((member) => memberOf(member, depth + 1))
  const id = Array.isArray(name) ? name[0] : tuple
  if (typeof id === 'string') return id
  throw misused('a part of the group has no id')
}

function idsOf(header: Header): string[] {
  return header.flatMap((member) => (typeof member === 'string' ? [member] : idsOf(member)))
}

function partsOf(header: Header, outcomes: ReadonlyMap<string, Omit<ChordPart, 'taskId'>>): CompleteChord {
  return header.map((member) => {
    if (typeof member !== 'string') return partsOf(member, outcomes)
    return { taskId: member, ...(outcomes.get(member) as Omit<ChordPart, 'taskId'>) }
  })
}

function misused(why: string): CaromError {
  return new CaromError('CAROM_ARGUMENTS_INVALID', `celery.chord_unlock cannot go on: ${why}`)
}

const DEFAULT_INTERVAL_MS = 1_000
const MAX_DEPTH = 64
