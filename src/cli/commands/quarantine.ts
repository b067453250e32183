/** `carom quarantine list|show|replay|drop`: the messages that were set aside for a person to look at. */
import type { Command } from 'commander'
import type { Broker, QuarantinedMessage } from '../../brokers/broker.ts'
import { CaromError } from '../../errors.ts'
import { SERIALIZERS } from '../../message/serializers.ts'
import { readTaskBody } from '../../message/task-message.ts'
import { confirm } from '../confirm.ts'
import { EXIT } from '../exit-codes.ts'
import { addPlaceFlags, type PlaceFlags } from '../flags.ts'
import { teach } from '../help.ts'
import { toJsonText } from '../json-text.ts'
import { print, printJson } from '../output.ts'
import { findPlace, withBroker } from '../place.ts'
import { isSecretName, printable, redact } from '../printable.ts'
import { table } from '../table.ts'
import { formatBytes } from '../units.ts'

interface ShowFlags extends PlaceFlags {
  readonly showArgs?: boolean
}

interface DropFlags extends PlaceFlags {
  readonly yes?: boolean
}

export function define(command: Command): void {
  command.description(
    'A message comes here when its task has killed too many children, when no worker knows its task, or when it is no task.',
  )
  addPlaceFlags(command.command('list').description('Lists the messages, oldest first.')).action(list)
  addPlaceFlags(command.command('show').description('Shows one message, without its arguments: they may be secrets.'))
    .argument('<id>', 'the id of the task')
    .option('--show-args', 'the arguments too')
    .action(show)
  addPlaceFlags(command.command('replay').description('Sends messages back to their queues, their counts at zero.'))
    .argument('<id...>', 'the ids of the tasks')
    .action(replay)
  addPlaceFlags(command.command('drop').description('Deletes messages.'))
    .argument('<id...>', 'the ids of the tasks')
    .option('--yes', 'do it without a question; a program must say so')
    .action(drop)
  for (const target of [command, ...command.commands]) {
    teach(target, {
      examples: [
        'carom quarantine list --name shop',
        'carom quarantine show 6f1a2c1e-5d0b-4d0e-9a43-2f6c0f5e8a11 --name shop --show-args',
        '# once its cause is mended',
        'carom quarantine replay 6f1a2c1e-5d0b-4d0e-9a43-2f6c0f5e8a11 --name shop',
      ],
      exits: {
        failed: 'an id is not in quarantine, or the answer to the question was no',
        store: 'the store cannot be used',
        app: 'the app cannot be loaded',
      },
    })
  }
}

async function list(flags: PlaceFlags): Promise<void> {
  const messages = await withBroker(await findPlace(flags), (broker) => broker.quarantine.list())
  if (flags.json === true) return printJson(messages.map(summary), { map: redact })
  if (messages.length === 0) return print('The quarantine is empty')
  const rows = messages.map(({ taskId: id, queue, reason, atMs, message, counts }) => {
    const { deliveries, crashes } = counts
    return [id, String(message.headers.task), queue, isoTime(atMs), deliveries, crashes, cut(reason)]
  })
  print(table(['ID', 'TASK', 'QUEUE', 'SINCE', 'RUNS', 'CRASHES', 'REASON'], rows))
}

async function show(id: string, flags: ShowFlags): Promise<void> {
  const messages = await withBroker(await findPlace(flags), (broker) => broker.quarantine.list())
  const found = messages.filter((message) => message.taskId === id)
  if (found.length === 0) throw unknownIds([id])
  for (const one of found) {
    const { message } = one
    const details = {
      ...summary(one),
      headers: withoutSecrets(message.headers),
      properties: withoutSecrets(message.properties),
      contentType: message.contentType,
      bodyBytes: message.body.byteLength,
    }
    // What was asked for by name is shown as it is, passwords in it too.
    const args = flags.showArgs === true ? argumentsOf(one) : {}
    if (flags.json === true) print(`${toJsonText(details, { map: redact }).slice(0, -1)}${rest(args)}`)
    else
      print(
        [...factLines(details), ...Object.entries(args).map(([key, value]) => line(key, toJsonText(value)))].join('\n'),
      )
  }
}

async function replay(ids: readonly string[], flags: PlaceFlags): Promise<void> {
  await withBroker(await findPlace(flags), async (broker) => {
    const missing = await missingOf(broker, ids)
    const replayed = await broker.quarantine.replay(ids)
    report('Sent back', 'replayed', replayed, missing, flags)
  })
}

async function drop(ids: readonly string[], flags: DropFlags): Promise<void> {
  await withBroker(await findPlace(flags), async (broker) => {
    const missing = await missingOf(broker, ids)
    const count = new Set(ids).size - missing.length
    if (count > 0 && !(await confirm(`delete ${counted(count)} from the quarantine`, flags))) {
      process.exitCode = EXIT.failed
      return
    }
    const dropped = await broker.quarantine.drop(ids)
    report('Deleted', 'dropped', dropped, missing, flags)
  })
}

function report(verb: string, key: string, count: number, missing: readonly string[], { json }: PlaceFlags): void {
  if (json === true) printJson({ [key]: count, unknown: missing })
  else if (count > 0) print(`${verb} ${counted(count)}`)
  if (missing.length > 0) throw unknownIds(missing)
}

async function missingOf(broker: Broker, ids: readonly string[]): Promise<string[]> {
  const held = new Set((await broker.quarantine.list()).map((message) => message.taskId))
  return [...new Set(ids)].filter((id) => !held.has(id))
}

function unknownIds(ids: readonly string[]): CaromError {
  const text = `Not in quarantine: ${ids.join(', ')}. See carom quarantine list`
  return new CaromError('CAROM_QUARANTINE_UNKNOWN', text, { taskIds: ids })
}

function summary({ taskId: id, queue, reason, atMs, counts, message }: QuarantinedMessage): Record<string, unknown> {
  return { id, task: message.headers.task, queue, reason, since: isoTime(atMs), counts }
}

/** A message that cannot be read may be here for that very reason. */
function argumentsOf({ message }: QuarantinedMessage): Readonly<Record<string, unknown>> {
  try {
    const { args, kwargs } = readTaskBody(message, { accept: READABLE })
    return { args, kwargs }
  } catch (error) {
    return { args: null, unreadable: error instanceof Error ? error.message : String(error) }
  }
}

/** `argsrepr` and `kwargsrepr` are the arguments once more, as text. */
function withoutSecrets(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, /^(?:kw)?argsrepr$/.test(key) || isSecretName(key) ? '***' : value]),
  )
}

function rest(args: Readonly<Record<string, unknown>>): string {
  const text = toJsonText(args)
  return text === '{}' ? '}' : `,${text.slice(1)}`
}

function factLines(details: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(details).map(([key, value]) => {
    if (key === 'bodyBytes') return line('body', formatBytes(value as number))
    return line(key, typeof value === 'string' ? printable(value) : toJsonText(value, { map: redact }))
  })
}

function line(key: string, text: string): string {
  return `${key.padEnd(12)} ${text}`
}

function cut(text: string): string {
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON - 1)}…` : text
}

const MAX_REASON = 60

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString()
}

function counted(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`
}

/** What can be shown without the app: all but what is signed. */
const READABLE = new Set(
  [SERIALIZERS.json, SERIALIZERS.msgpack, SERIALIZERS.yaml].map(({ contentType }) => contentType),
)
