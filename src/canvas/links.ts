/** Links and error links of signatures that are made of others: where they belong. */
import { invalidMessage } from '../message/invalid-message.ts'
import { isGroup, readSignature, tasksOf, type WireSignature, withOptions } from './wire-signature.ts'

/**
 * What a chain says of itself, said of its steps: its links follow the last one, its error links each of them; but for
 * a group before another step, which becomes the header of a chord, whose failures are the body's.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID` where that makes more links than anybody needs.
 */
export function linked(steps: readonly WireSignature[], { options }: WireSignature): WireSignature[] {
  const errors = new MoreLinks('link_error', options.link_error)
  const links = new MoreLinks('link', options.link)
  return steps.map((step, index) => {
    const isLast = index === steps.length - 1
    const withErrors = isGroup(step) && !isLast ? step : appendedWithin(step, errors)
    if (!isLast) return withErrors
    const last = isGroup(step) ? links.behind(withErrors) : appendedWithin(withErrors, links)
    const { task_id, chord, group_id, group_index } = options
    const place = Object.entries({ task_id, chord, group_id, group_index }).filter(([, value]) => value !== undefined)
    return withOptions(last, Object.fromEntries(place))
  })
}

/**
 * The links where they belong: a chord's with its body, a group's with each of its members. Said of the chord or the
 * group itself, Celery would take them for those of every part.
 */
function appendedWithin(signature: WireSignature, more: MoreLinks): WireSignature {
  const { kwargs, subtask_type } = signature
  if (more.isEmpty) return signature
  if (subtask_type === 'chord') {
    const body = readSignature(kwargs.body, 'body')
    return { ...signature, kwargs: { ...kwargs, body: appendedWithin(body, more) } }
  }
  if (subtask_type !== 'group') return more.behind(signature)
  const tasks = tasksOf(signature, 'group').map((task) => appendedWithin(task, more))
  return { ...signature, kwargs: { ...kwargs, tasks } }
}

/** The signature with more links of a kind behind those that it has. */
export function appended(signature: WireSignature, option: LinkOption, more: unknown): WireSignature {
  return new MoreLinks(option, more).behind(signature)
}

type LinkOption = 'link' | 'link_error'

/** Links that are said once and belong with many: a few hundred of either are tens of thousands together. */
class MoreLinks {
  readonly #option: LinkOption
  readonly #links: readonly { readonly link: unknown; readonly text: string | undefined }[]
  #made = 0

  constructor(option: LinkOption, links: unknown) {
    this.#option = option
    this.#links = listOf(links).map((link) => ({ link, text: textOf(link) }))
  }

  get isEmpty(): boolean {
    return this.#links.length === 0
  }

  behind(signature: WireSignature): WireSignature {
    if (this.isEmpty) return signature
    const own = listOf(signature.options[this.#option])
    this.#made += own.length + this.#links.length
    // Before they are copied: nobody could send that many.
    if (this.#made > MAX_LINKS) throw invalidMessage({}, this.#option, `stands for more than ${MAX_LINKS} links`)
    const known = new Set(own.map(textOf))
    const fresh = this.#links.filter(({ text }) => !known.has(text)).map(({ link }) => link)
    return withOptions(signature, { [this.#option]: [...own, ...fresh] })
  }
}

function textOf(link: unknown): string | undefined {
  return JSON.stringify(link, printable)
}

export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

const MAX_LINKS = 10_000
