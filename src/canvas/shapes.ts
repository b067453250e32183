/** What chains, groups and chords are made of: flattened, counted, and told which chord they belong to. */
import { appended, linked } from './links.ts'
import {
  applied,
  isGroup,
  readSignature,
  refused,
  tasksOf,
  textOption,
  type WireSignature,
  withOptions,
} from './wire-signature.ts'

/** A nesting deeper than this is an attack, or a mistake: Python gives up earlier. */
export const MAX_NESTING = 64

export function checkNesting(depth: number, field: string): void {
  if (depth > MAX_NESTING) throw refused(field, null, `signatures nested at most ${MAX_NESTING} deep`)
}

/** The members of a group; those of groups within it are members like the others. */
export function membersOf(group: WireSignature, field: string, depth = 0): WireSignature[] {
  checkNesting(depth, field)
  const members = group.subtask_type === 'chunks' ? chunksOf(group, field) : tasksOf(group, field)
  return members.flatMap((member) => {
    if (!isGroup(member)) return [member]
    const inner = membersOf(member, field, depth + 1)
    return inner.map((each) => applied(each, { args: member.args }))
  })
}

/** The members of a chord's header, which is a group or a list. */
export function headerOf(
  chord: WireSignature,
  field: string,
): { readonly id: string | undefined; readonly members: WireSignature[] } {
  const { header } = chord.kwargs
  const group = Array.isArray(header)
    ? { ...chord, subtask_type: 'group', kwargs: { tasks: header }, options: {} }
    : readSignature(header, `${field}.kwargs.header`)
  const members = isGroup(group) ? membersOf(group, `${field}.kwargs.header`) : [group]
  return { id: isGroup(group) ? textOption(group.options, 'task_id') : undefined, members }
}

/**
 * The steps of a chain. Chains within it are part of it; a group of one is that one, an empty group is nothing; the
 * first step gets the chain's own arguments.
 */
export function stepsOf(chain: WireSignature, field: string, depth = 0): WireSignature[] {
  checkNesting(depth, field)
  const steps = tasksOf(chain, field).flatMap((step) => {
    if (step.subtask_type === 'chain') return linked(stepsOf(step, field, depth + 1), step)
    if (!isGroup(step)) return [step]
    const members = membersOf(step, field)
    const [only] = members
    if (only === undefined) return []
    if (members.length > 1) return [step]
    const unrolled = applied(only, { args: step.args })
    return unrolled.subtask_type === 'chain' ? linked(stepsOf(unrolled, field, depth + 1), unrolled) : [unrolled]
  })
  const [first, ...rest] = steps
  return first === undefined ? [] : [applied(first, { args: chain.args }), ...rest]
}

/**
 * The body of a chord. What is said of a chord is said of its body: what follows the chord follows that. An id that the
 * body has already stays: Celery 5.2 writes the id of the header into a chord that is a step of a chain.
 */
export function bodyOf(chord: WireSignature, field: string): WireSignature {
  const said = readSignature(chord.kwargs.body, `${field}.kwargs.body`)
  const { task_id, link, link_error, ...options } = chord.options
  const body = appended(applied(said, { options }), 'link', link)
  const id = endId(said, field) === undefined ? textOption(chord.options, 'task_id') : undefined
  return withOptions(appended(body, 'link_error', link_error), id === undefined ? {} : { task_id: id })
}

/**
 * The id of the task that ends what `signature` stands for, where it has been given one: Celery 5.2 gives it to the
 * last task of a chain, 5.6 to the chain as well.
 */
export function endId(signature: WireSignature, field: string, depth = 0): string | undefined {
  checkNesting(depth, field)
  const own = textOption(signature.options, 'task_id')
  if (signature.subtask_type === 'chord') {
    return endId(readSignature(signature.kwargs.body, `${field}.kwargs.body`), field, depth + 1) ?? own
  }
  if (own !== undefined) return own
  const last = signature.subtask_type === 'chain' ? stepsOf(signature, field).at(-1) : undefined
  return last === undefined ? undefined : endId(last, field, depth + 1)
}

/** Where those that end a member of a group or chord note that they belong to it. */
export interface Membership {
  readonly groupId: string
  /** The body to run when all are done; `null` for a group. */
  readonly chord: WireSignature | null
  /** The number of the next one. */
  next: number
}

/**
 * `signature` as a member: it has ended when its last task has, which is the one that carries the membership. The last
 * one of a chain, the body of a chord, every member of a group: `membership.next` grows by as many.
 */
export function asMember(signature: WireSignature, membership: Membership, field: string, depth = 0): WireSignature {
  checkNesting(depth, field)
  const inside = (each: WireSignature) => asMember(each, membership, field, depth + 1)
  switch (signature.subtask_type) {
    case 'chain': {
      const steps = stepsOf(signature, field)
      const last = steps.at(-1)
      if (last === undefined) return signature
      // The chain's own arguments are with its first step now.
      return { ...signature, args: [], kwargs: { ...signature.kwargs, tasks: [...steps.slice(0, -1), inside(last)] } }
    }
    case 'group':
    case 'chunks': {
      const members = membersOf(signature, field).map(inside)
      return {
        ...signature,
        subtask_type: 'group',
        task: 'celery.group',
        kwargs: { ...signature.kwargs, tasks: members },
      }
    }
    case 'chord': {
      const body = inside(readSignature(signature.kwargs.body, `${field}.kwargs.body`))
      return { ...signature, kwargs: { ...signature.kwargs, body } }
    }
    default:
      return placed(signature, membership)
  }
}

function placed(signature: WireSignature, membership: Membership): WireSignature {
  const { groupId, chord } = membership
  const group_index = membership.next++
  // In a plain group what was said before stands: it may end a chord that lies further out.
  if (chord === null) return withOptions(signature, { group_id: groupId, group_index, ...signature.options })
  return withOptions(signature, { group_id: groupId, group_index, chord })
}

function chunksOf({ kwargs }: WireSignature, field: string): WireSignature[] {
  const { task, it, n } = kwargs
  if (!Array.isArray(it)) throw refused(`${field}.kwargs.it`, it, 'an array')
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1) throw refused(`${field}.kwargs.n`, n, 'an integer >= 1')
  const parts: unknown[][] = []
  for (let at = 0; at < it.length; at += n) parts.push(it.slice(at, at + n))
  return parts.map((part) => ({
    task: 'celery.starmap',
    args: [],
    kwargs: { task, it: part },
    options: {},
    subtask_type: 'xstarmap',
    immutable: false,
  }))
}
