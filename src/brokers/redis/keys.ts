/**
 * Names of keys. Those of queues, bindings and unacked messages are kombu's; those that begin with `carom.` are ours.
 *
 * Ours are a message's *field*: the name under which it lies in `unacked` while it is claimed or parked, new each time,
 * since kombu keeps a tag over restores and a late ack could delete another's claim. It tells when it was taken (by the
 * server's clock, so that fields sort by age), by whom, and from where:
 *
 *     carom.<time, 14 hex><index, 4 hex>.<nonce>.<step of the priority>.<bytes of the suffix>.<queue>
 *
 * The suffix is what stands behind the envelope in the value, so that a script can cut it off without reading JSON.
 */

import { randomUUID } from 'node:crypto'

/** What stands between a queue and its priority, and between the parts of a binding. */
export const SEPARATOR = '\x06\x16'
/** Kombu's steps: a message goes to the largest that is not above its priority. The first is served first. */
export const STEPS = [0, 3, 6, 9] as const

export class Keys {
  readonly #prefix: string
  readonly #results: string
  readonly db: number
  readonly unacked: string
  readonly unackedIndex: string
  readonly unackedMutex: string
  /** Fields by the end of their lease, in epoch milliseconds. */
  readonly leases: string
  /** Fields of parked messages by when they are due, in epoch milliseconds. */
  readonly due: string
  readonly quarantine: string
  /** What was set aside and is too large to be read, by the name of its entry, word for word. */
  readonly quarantineLarge: string
  /** The queues that a Carom process has met. */
  readonly queues: string

  constructor(prefix: string, db: number) {
    this.db = db
    this.#prefix = prefix
    // Celery's rule for results, since 5.5: no second separator.
    this.#results = prefix === '' || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`
    this.unacked = `${prefix}unacked`
    this.unackedIndex = `${prefix}unacked_index`
    this.unackedMutex = `${prefix}unacked_mutex`
    this.leases = `${prefix}carom.leases`
    this.due = `${prefix}carom.due`
    this.quarantine = `${prefix}carom.quarantine`
    this.quarantineLarge = `${prefix}carom.quarantine.large`
    this.queues = `${prefix}carom.queues`
  }

  list(queue: string, step: number): string {
    return `${this.#prefix}${queue}${step === 0 ? '' : `${SEPARATOR}${step}`}`
  }

  lists(queue: string): string[] {
    return STEPS.map((step) => this.list(queue, step))
  }

  /** Whether a queue's lists would lie where something else does. */
  isReserved(queue: string): boolean {
    return RESERVED.test(queue)
  }

  binding(exchange: string): string {
    return `${this.#prefix}_kombu.binding.${exchange}`
  }

  /** The channel of a fanout exchange. */
  channel(exchange: string): string {
    return `${this.#prefix}/${this.db}.${exchange}`
  }

  result(taskId: string): string {
    return `${this.#results}celery-task-meta-${taskId}`
  }

  /** Celery's keys of a chord; `known` is ours. `group` holds the saved group, where somebody has saved it. */
  chord(groupId: string): Readonly<Record<'group' | 'parts' | 'size' | 'added' | 'known', string>> {
    const group = `${this.#results}celery-taskset-meta-${groupId}`
    return { group, parts: `${group}.j`, size: `${group}.s`, added: `${group}.t`, known: `${group}.carom` }
  }
}

/** Kombu's clamp and step for a priority; what is no number counts as 0. */
export function stepOf(priority: unknown): number {
  const value = typeof priority === 'number' && Number.isFinite(priority) ? priority : 0
  return STEPS.findLast((step) => step <= Math.trunc(value)) ?? 0
}

/** A queue's binding to the direct exchange of its own name, by which producers that name an exchange reach it. */
export function bindingOf(queue: string): string {
  return `${queue}${SEPARATOR}${SEPARATOR}${queue}`
}

/** The end of a value in `unacked` whose envelope came from `queue`: kombu's exchange and routing key. */
export function suffixOf(queue: string): string {
  return `, "", ${JSON.stringify(queue)}]`
}

/** What a field says of a message's place: its step, the suffix of its value, its queue. */
export function tailOf(queue: string, step: number): string {
  return `${step}.${Buffer.byteLength(suffixOf(queue))}.${queue}`
}

/** The place that a field names; `null` where it is none of ours. */
export function placeOf(field: string): { readonly queue: string; readonly step: number } | null {
  const match = FIELD.exec(field)
  return match === null ? null : { step: Number(match[2]), queue: match[3] as string }
}

/** By whom and in which call a field was taken; '' where it is none of ours. */
export function markOf(field: string): string {
  return FIELD.exec(field)?.[1] ?? ''
}

/** The place from which a claim was taken. @throws RangeError where the field is none of ours. */
export function placeOfClaim(field: string): { readonly queue: string; readonly step: number } {
  const place = placeOf(field)
  if (place === null) throw new RangeError(`"${field.slice(0, 100)}" is no field of a claim`)
  return place
}

/** The keys that every script on fields begins with. */
export function fieldKeys(keys: Keys): string[] {
  return [keys.unacked, keys.unackedIndex, keys.leases, keys.due]
}

/** Part of a field's name: what a script that makes fields is given once. */
export function newNonce(): string {
  return randomUUID().slice(0, 18)
}

const RESERVED = /^(?:unacked(?:_index|_mutex)?$|carom\.|_kombu\.binding\.|celery-task(?:set)?-meta-)/
const FIELD = /^carom\.[0-9a-f]{18}\.([\w-]+)\.([0369])\.\d{1,6}\.(.+)$/s
