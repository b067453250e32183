/** What the pool's children of a worker run: the module whose exports the worker calls by name. */
import type { AppLocation } from '../../app/app-module.ts'
import { loadApp } from '../../app/app-module.ts'
import { enterChild } from '../../app/inside.ts'
import type { AppInternals } from '../../app/internals.ts'
import type { FollowUps } from '../../canvas/follow-ups.ts'
import type { Message } from '../../message/message.ts'
import { toProtocolV2 } from '../../message/protocol-v1.ts'
import { readTask } from '../../message/task-message.ts'
import { ask } from '../../pool/child/ask.ts'
import { type ChordOrder, type PackedOrder, type RunOrder, unpackOrder } from '../orders.ts'
import { BUILTINS } from './builtins.ts'
import type { AppDescription, TaskDescription } from './description.ts'
import { type FinishedChord, finishChord, followFailure } from './follow.ts'
import { runTask, type SaidOfRun } from './run-task.ts'

let app: AppInternals

/** The pool's initializer: loads the user's app, then runs what it registered with `onChildInit`. */
export async function load(location: AppLocation): Promise<void> {
  enterChild({
    publish: async (messages) => {
      await ask('publish', messages)
    },
  })
  app = await loadApp(location)
  // A key that cannot be read shall keep the worker from starting, not fail its messages one by one.
  app.format.prepare()
  for (const init of app.childInits) await init()
}

export function describe(): AppDescription {
  return {
    name: app.name,
    defaultQueue: app.defaultQueue,
    broker: app.brokerUrl ?? null,
    resultBackend: app.resultBackendUrl ?? null,
    resultExpiresMs: app.resultExpiresMs ?? null,
    resultExtended: app.resultExtended,
    acceptContent: app.format.acceptContent,
    tasks: [
      ...[...BUILTINS.keys()].filter((name) => !app.tasks.has(name)).map(builtin),
      ...[...app.tasks.values()].map(({ name, settings }) => ({
        name,
        queue: settings.queue,
        ignoreResult: settings.ignoreResult,
        storeErrorsEvenIfIgnored: settings.storeErrorsEvenIfIgnored,
        acksLate: settings.acksLate,
        maxCrashes: settings.maxCrashes,
        builtin: false,
      })),
    ],
  }
}

export function run(...order: PackedOrder): SaidOfRun | Promise<SaidOfRun> {
  return runTask(app, unpackOrder(order))
}

/** What follows the failure of a task that no child has run to its end. */
export function fail(order: RunOrder): FollowUps {
  return followFailure(app, order)
}

/** What follows a chord whose parts are all there. */
export function finish(order: ChordOrder): FinishedChord {
  return finishChord(app, order)
}

/** A message whose headers do not say what it is, as what its body says: Celery's protocol v1. */
export function convert(order: RunOrder): Omit<Message, 'properties'> {
  return toProtocolV2(readTask({ ...order, properties: {} }, app.format.readOptions()))
}

function builtin(name: string): TaskDescription {
  const settings = { ignoreResult: false, storeErrorsEvenIfIgnored: false, acksLate: true, maxCrashes: 3 }
  return { name, queue: null, ...settings, builtin: true }
}
