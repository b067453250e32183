import type { ApplyOptions } from '../../../src/canvas/call.ts'
import type { Store } from '../stores/store.ts'
import { clientOf, type SendOptions } from './client.ts'
import type { System } from './system.ts'
import { startProcess } from './worker-process.ts'

type Tasks = typeof import('../fixtures/carom-tasks.ts')

let opened = 0

export const carom: System = {
  packageName: null,
  startWorker: (store, { children, perChild }) => {
    return startProcess('carom-worker.js', [children, perChild], environmentOf(store))
  },
  openClient: async (store) => {
    Object.assign(process.env, environmentOf(store))
    // A fresh copy of the module each time: the app of the one before may be closed, and has opened another store.
    const { app, ...tasks } = (await import(`../fixtures/carom-tasks.js?${++opened}`)) as Tasks
    return clientOf({
      send: async (task, value, options) => {
        const result = await tasks[task].applyAsync([value], applyOptions(options))
        return () => result.get()
      },
      sendMany: async (task, values, options) => {
        const calls = values.map((value): [number] => [value])
        const results = await tasks[task].applyMany(calls, applyOptions(options))
        return results.map((result) => () => result.get())
      },
      close: () => app.close(),
    })
  },
}

function environmentOf({ brokerUrl, resultUrl }: Store): NodeJS.ProcessEnv {
  return { CAROM_BROKER_URL: brokerUrl, CAROM_RESULT_BACKEND: resultUrl }
}

function applyOptions({ delayMs, ignored }: SendOptions): Omit<ApplyOptions, 'taskId'> {
  return { countdownMs: delayMs, ignoreResult: ignored }
}
