/**
 * `carom call TASK`: sends one call. The app is loaded here: it knows the task's queue, argument names and schema. With
 * `--name` it is not, and any task can be sent, as somebody else's.
 */
import type { Command } from 'commander'
import { DEFAULT_MAX_BODY_BYTES } from '../../app/app-options.ts'
import { CallSender } from '../../app/call-sender.ts'
import { Connections } from '../../app/connections.ts'
import type { TaskDefinition } from '../../app/definition.ts'
import type { AppInternals } from '../../app/internals.ts'
import { defineRemoteTask } from '../../app/registry.ts'
import { createWireFormat, type WireFormat } from '../../app/wire-format.ts'
import { type ApplyOptions, checkApplyOptions } from '../../canvas/call.ts'
import { CaromError } from '../../errors.ts'
import { AsyncResult } from '../../results/async-result.ts'
import { usageError } from '../exit-codes.ts'
import { durationMs, jsonArray, jsonObject, priority, queueName, taskId } from '../flags.ts'
import { teach } from '../help.ts'
import { ended, showOutcome } from '../outcome.ts'
import { note, print, printJson } from '../output.ts'
import { appModule, existing, findPlace, loadUserApp, type Place, placeOf, shared } from '../place.ts'

interface CallFlags {
  readonly app?: string
  readonly name?: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly queue?: string
  readonly countdown?: number
  readonly priority?: number
  readonly taskId?: string
  /** `true` without a time. */
  readonly wait?: number | true
  readonly json?: boolean
}

export function define(command: Command): void {
  command
    .description('Sends a task and prints its id; with --wait, waits for it and prints its result instead, as JSON.')
    .argument('<task>', 'the name of the task, as in app.task(name, ...)')
    .option('--app <module>', 'the module that creates the app (CAROM_APP)')
    .option('--name <app>', 'the name of the app, in place of --app: nothing of it is loaded, and nothing checked')
    .option('--args <json>', 'positional arguments, a JSON array', jsonArray, [])
    .option(
      '--kwargs <json>',
      'arguments by name, a JSON object; also the one object of a task with input',
      jsonObject,
      {},
    )
    .option('--queue <queue>', "the queue, in place of the task's own", queueName)
    .option('--countdown <time>', 'not before this much time has passed', durationMs(0, MOST_COUNTDOWN_MS))
    .option('--priority <number>', '0 to 9; a higher one goes first, on Redis a lower one', priority)
    .option('--task-id <id>', 'the id, in place of a random one', taskId)
    .option(
      '--wait [time]',
      `wait for the result, ${DEFAULT_WAIT_MS / 1000}s if no time is given`,
      durationMs(0, MOST_WAIT_MS),
    )
    .option('--json', 'answer in JSON for programs, errors too')
    .action(call)
  teach(command, {
    examples: [
      "carom call shop.add --args '[2, 3]' --app ./tasks.js",
      '# wait for the result, at most a minute',
      "carom call shop.add --args '[2, 3]' --app ./tasks.js --wait 1m",
      `carom call mail.send --kwargs '{"to": "ada@example.com"}' --queue slow --countdown 10s`,
      '# a task that is not in the app: somebody else runs it',
      `carom call reports.build --args '["may"]' --name shop --queue python`,
    ],
    exits: {
      ok: 'sent; with --wait, the task succeeded',
      failed: 'with --wait: the task failed',
      usage: 'the command line is not right, the app has no such task, or the task does not take these arguments',
      late: 'with --wait: sent, but no result in time; the task goes on',
      store: 'the store cannot be used; nothing was sent',
      app: 'the app cannot be loaded',
    },
  })
}

async function call(task: string, flags: CallFlags): Promise<void> {
  const target = await findTarget(task, flags)
  const { place, definition } = target
  if (flags.wait !== undefined && definition.settings.ignoreResult) {
    throw usageError(`Task "${task}" stores no result, since it says ignoreResult: there is nothing to --wait for`)
  }
  const connections = new Connections(place)
  try {
    const { handle, queue } = await send(target, flags, connections)
    await answer(handle, { task, queue }, flags)
  } finally {
    await connections.close()
  }
}

async function answer(handle: AsyncResult, sent: { task: string; queue: string }, flags: CallFlags): Promise<void> {
  const { id } = handle
  const json = flags.json === true
  if (!json) note(`Sent "${sent.task}" to the queue "${sent.queue}" as ${id}`)
  if (flags.wait === undefined) {
    if (json) printJson({ id, ...sent })
    else print(id)
    return
  }
  const outcome = await ended(handle, flags.wait === true ? DEFAULT_WAIT_MS : flags.wait).catch((error: unknown) => {
    // It was sent all the same: whoever asks again needs the id.
    if (json) printJson({ id, ...sent })
    throw error
  })
  showOutcome(outcome, sent, json)
}

async function send({ defaultQueue, definition, format }: Target, flags: CallFlags, connections: Connections) {
  let queue = ''
  const sender = new CallSender({
    defaultQueue,
    format,
    definition: () => definition,
    publish: (messages) => connections.publish(messages),
    during: (work) => connections.during(work),
    result: (sent) => {
      queue = sent.queue ?? ''
      return new AsyncResult(sent, connections)
    },
  })
  const { args, kwargs } = flags
  const options = checkApplyOptions(definition.name, applyOptions(flags))
  const [handle] = await sender.send([{ task: definition.name, args, kwargs, options }])
  return { handle: handle as AsyncResult, queue }
}

function applyOptions({ countdown, queue, priority: level, taskId: id }: CallFlags): ApplyOptions {
  return { countdownMs: countdown, queue, priority: level, taskId: id }
}

interface Target {
  readonly place: Place
  readonly definition: TaskDefinition
  readonly defaultQueue: string
  readonly format: WireFormat
}

async function findTarget(task: string, flags: CallFlags): Promise<Target> {
  if (flags.name === undefined) {
    const app = await loadUserApp(appModule(flags))
    const definition = findTask(app, task)
    shared(app.brokerUrl, app.name)
    return { place: placeOf(app), definition, defaultQueue: app.defaultQueue, format: app.format }
  }
  const place = await findPlace(flags)
  // A slip in the name must not make a store that no worker knows.
  existing(place.brokerUrl, place)
  const format = createWireFormat(place.name, {}, DEFAULT_MAX_BODY_BYTES)
  return { place, definition: strangersTask(task), defaultQueue: place.name, format }
}

function strangersTask(task: string): TaskDefinition {
  try {
    return defineRemoteTask(task, {})
  } catch (error) {
    throw usageError((error as Error).message)
  }
}

function findTask({ name, tasks, remoteTasks }: AppInternals, task: string): TaskDefinition {
  const definition = tasks.get(task) ?? remoteTasks.get(task)
  if (definition !== undefined) return definition
  const known = [...tasks.keys(), ...remoteTasks.keys()].sort()
  const shown = known.slice(0, MAX_SHOWN).map((other) => `"${other}"`)
  const rest = known.length > MAX_SHOWN ? ` and ${known.length - MAX_SHOWN} more` : ''
  const has = known.length === 0 ? 'It has none at all' : `It has ${shown.join(', ')}${rest}`
  const text = `App "${name}" has no task "${task}". ${has}. To send one that somebody else runs, give --name ${name} in place of --app`
  throw new CaromError('CAROM_TASK_UNKNOWN', text, { task })
}

const DEFAULT_WAIT_MS = 30_000
const MOST_WAIT_MS = 2_147_483_647
const MOST_COUNTDOWN_MS = 10 * 365 * 86_400_000
const MAX_SHOWN = 10
