/**
 * A RabbitMQ per test file, a vhost per test. Its results go to whoever sent the task, so the suite's metas, which say
 * nothing of that, are all made replies to the first handle of the test.
 */
import { after, type TestContext } from 'node:test'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import type { ResultBackend } from '../../src/results/backend.ts'
import type { ResultMeta } from '../../src/results/meta.ts'
import { openBackend } from '../../src/results/open.ts'
import { type RabbitServer, startRabbit } from '../support/rabbitmq-server.ts'
import { afterwards } from './afterwards.ts'
import type { OpenStore } from './store.ts'

let starting: Promise<RabbitServer> | undefined

/** The server of this test file. */
export function rabbit(): Promise<RabbitServer> {
  starting ??= startRabbit()
  return starting
}

after(async () => (await starting)?.remove())

/** @param parameters further parameters of the URL */
export async function rabbitStoreFor(t: TestContext, parameters = 'maxPriority=10'): Promise<OpenStore> {
  const server = await rabbit()
  return rabbitOpenerOf(t, `${server.url(await server.vhost())}?${parameters}`)
}

export function rabbitOpenerOf(t: TestContext, url: string): OpenStore {
  let replyTo: string | undefined
  const answered = (meta: ResultMeta): ResultMeta => ({
    ...meta,
    reply: { to: replyTo as string, correlationId: meta.taskId },
  })
  return async () => {
    const broker = await openBroker(url, { appName: 'test' })
    const backend = await openBackend(url, { appName: 'test' })
    afterwards(t, () => Promise.all([broker.close(), backend.close()]))
    replyTo ??= await backend.replies?.open()
    return { broker: replying(broker, backend, answered), backend: expecting(backend, answered) }
  }
}

type Answered = (meta: ResultMeta) => ResultMeta

function replying(broker: Broker, backend: ResultBackend, answered: Answered): Broker {
  return overlaid(broker, {
    consumer: async (options) => {
      const consumer = await broker.consumer(options)
      return overlaid(consumer, {
        settle: (settlements) => {
          backend.replies?.expect(settlements.flatMap(({ result }) => (result === null ? [] : [result.taskId])))
          return consumer.settle(
            settlements.map((each) => ({ ...each, result: each.result === null ? null : answered(each.result) })),
          )
        },
      })
    },
  })
}

function expecting(backend: ResultBackend, answered: Answered): ResultBackend {
  return overlaid(backend, {
    save: (metas) => {
      backend.replies?.expect(metas.map(({ taskId }) => taskId))
      return backend.save(metas.map(answered))
    },
    load: (taskIds) => {
      backend.replies?.expect(taskIds)
      return backend.load(taskIds)
    },
    wait: (taskId, options) => {
      backend.replies?.expect([taskId])
      return backend.wait(taskId, options)
    },
  })
}

/** `target`, with some methods replaced. */
function overlaid<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof T]
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
