/** What the pool's children of a worker run: the module whose exports the worker calls by name. */
import type { AppLocation } from '../../app/app-module.ts'
import { loadApp } from '../../app/app-module.ts'
import { enterChild } from '../../app/inside.ts'
import type { AppInternals } from '../../app/internals.ts'
import { ask } from '../../pool/child/ask.ts'
import type { RunOrder } from '../executor.ts'
import type { AppDescription } from './description.ts'
import { runTask } from './run-task.ts'

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
    acceptContent: app.format.acceptContent,
    tasks: [...app.tasks.values()].map(({ name, settings }) => ({
      name,
      queue: settings.queue,
      ignoreResult: settings.ignoreResult,
      acksLate: settings.acksLate,
      maxCrashes: settings.maxCrashes,
    })),
  }
}

/** Resolves with the result as JSON bytes. */
export function run(order: RunOrder): Promise<Uint8Array> {
  return runTask(app, order)
}
