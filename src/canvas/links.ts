/** Links and error links of signatures that are made of others: where they belong. */
import { isGroup, readSignature, tasksOf, type WireSignature, withOptions } from './wire-signature.ts'

/**
 * What a chain says of itself, said of its steps: its links follow the last one, its error links each of them; but for
 * a group before another step, which becomes the header of a chord, whose failures are the body's.
 */
export function linked(steps: readonly WireSignature[], { options }: WireSignature): WireSignature[] {
  return steps.map((step, index) => {
    const isLast = index === steps.length - 1
    const withErrors = isGroup(step) && !isLast ? step : appendedWithin(step, 'link_error', options.link_error)
    if (!isLast) return withErrors
    const append = isGroup(step) ? appended : appendedWithin
    const last = append(withErrors, 'link', options.link)
    const { task_id, chord, group_id, group_index } = options
    const place = Object.entries({ task_id, chord, group_id, group_index }).filter(([, value]) => value !== undefined)
    return withOptions(last, Object.fromEntries(place))
  })
}

/**
 * The links where they belong: a chord's with its body, a group's with each of its members. Said of the chord or the
 * group itself, Celery would take them for those of every part.
 */
function appendedWithin(signature: WireSignature, option: 'link' | 'link_error', more: unknown): WireSignature {
  const { kwargs, subtask_type } = signature
  if (listOf(more).length === 0) return signature
  if (subtask_type === 'chord') {
    const body = readSignature(kwargs.body, 'body')
    return { ...signature, kwargs: { ...kwargs, body: appendedWithin(body, option, more) } }
  }
  if (subtask_type !== 'group') return appended(signature, option, more)
  const tasks = tasksOf(signature, 'group').map((task) => appendedWithin(task, option, more))
  return { ...signature, kwargs: { ...kwargs, tasks } }
}

/** The signature with more links of a kind behind those that it has. */
export function appended(signature: WireSignature, option: 'link' | 'link_error', more: unknown): WireSignature {
  const added = listOf(more)
  if (added.length === 0) return signature
  const own = listOf(signature.options[option])
  const known = new Set(own.map((link) => JSON.stringify(link, printable)))
  const fresh = added.filter((link) => !known.has(JSON.stringify(link, printable)))
  return withOptions(signature, { [option]: [...own, ...fresh] })
}

export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
