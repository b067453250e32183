/** Replies of workers as text for a person. A reply is a stranger's: what is not of the known shape is shown as JSON. */
import { toJsonText } from './json-text.ts'
import { printable, redact } from './printable.ts'
import { type Cell, table } from './table.ts'
import { formatBytes, formatDuration } from './units.ts'

type Fields = Readonly<Record<string, unknown>>
type Replies = Fields

export function pingText(replies: Replies): string {
  const rows = Object.entries(replies).map(([node, reply]): Cell[] => {
    return [node, isFields(reply) && typeof reply.ok === 'string' ? reply.ok : plain(reply)]
  })
  return table(['WORKER', 'REPLY'], rows)
}

export function registeredText(replies: Replies): string {
  return perNode(replies, (reply) => {
    if (!Array.isArray(reply)) return [plain(reply)]
    return reply.length === 0 ? ['no tasks'] : reply.map((task) => printable(String(task)))
  })
}

export function activeText(replies: Replies): string {
  return perNode(replies, (reply) => {
    if (!Array.isArray(reply)) return [plain(reply)]
    if (reply.length === 0) return ['nothing runs']
    const rows = reply.map((request): Cell[] => {
      const { id, name, attempt, time_start: start, delivery_info: info } = fieldsOf(request)
      const running = typeof start === 'number' ? formatDuration(Math.max(0, Date.now() - start * 1_000)) : null
      return [text(id), text(name), text(fieldsOf(info).routing_key), number(attempt), running]
    })
    return table(['ID', 'TASK', 'QUEUE', 'ATTEMPT', 'RUNNING FOR'], rows).split('\n')
  })
}

export function statsText(replies: Replies): string {
  return perNode(replies, (reply) => {
    if (!isFields(reply) || !isFields(reply.pool)) return [plain(reply)]
    return [
      ...workerLines(reply),
      ...poolLines(reply.pool),
      '',
      ...totalLines(reply.total),
      '',
      ...childLines(reply.pool),
    ]
  })
}

function workerLines({ pid, uptime, queues, broker, rusage }: Fields): string[] {
  const { maxrss } = fieldsOf(rusage)
  return [
    fact('pid', text(pid)),
    fact('up for', typeof uptime === 'number' ? formatDuration(uptime * 1_000) : null),
    fact('store', text(fieldsOf(broker).store)),
    fact('queues', Array.isArray(queues) ? queues.join(', ') : null),
    fact('memory', typeof maxrss === 'number' ? `${formatBytes(maxrss * 1_024)} at most` : null),
  ]
}

function poolLines(pool: Fields): string[] {
  const { implementation, phase, queued, open, startFailures, processes } = pool
  const failures =
    typeof startFailures === 'number' && startFailures > 0 ? `, ${startFailures} failed starts in a row` : ''
  const size = Array.isArray(processes) ? processes.length : 0
  return [
    fact(
      'pool',
      `${text(implementation)}, ${size} children, ${text(pool['max-concurrency'])} at once, phase ${text(phase)}`,
    ),
    fact('jobs', `${text(open)} open, ${text(queued)} of them queued${failures}`),
  ]
}

function totalLines(total: unknown): string[] {
  const rows = Object.entries(fieldsOf(total)).map(([task, count]): Cell[] => [task, number(count)])
  return rows.length === 0 ? ['no task has ended yet'] : table(['TASK', 'ENDED'], rows).split('\n')
}

function childLines({ children }: Fields): string[] {
  const sorted = (Array.isArray(children) ? children : [])
    .map(fieldsOf)
    .sort((one, other) => slotOf(one) - slotOf(other))
  const rows = sorted.map((child): Cell[] => {
    const { slot, pid, state, jobsDone, running, privateMemoryBytes: bytes, ageMs } = child
    const busy = Array.isArray(running) ? running.length : null
    const memory = typeof bytes === 'number' ? formatBytes(bytes) : null
    const age = typeof ageMs === 'number' ? formatDuration(ageMs) : null
    return [number(slot), number(pid), text(state), number(jobsDone), busy, memory, age]
  })
  return table(['SLOT', 'PID', 'STATE', 'DONE', 'RUNNING', 'MEMORY', 'AGE'], rows).split('\n')
}

function slotOf({ slot }: Fields): number {
  return number(slot) ?? 0
}

function perNode(replies: Replies, lines: (reply: unknown) => readonly string[]): string {
  return Object.entries(replies)
    .map(([node, reply]) => [printable(node), ...lines(reply).map((one) => `  ${one}`.trimEnd())].join('\n'))
    .join('\n\n')
}

function fact(name: string, value: string | null): string {
  return `${name.padEnd(8)}${printable(value ?? '-')}`
}

function plain(reply: unknown): string {
  if (isFields(reply) && typeof reply.error === 'string') return `error: ${printable(reply.error)}`
  return toJsonText(reply, { map: redact })
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {}
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
