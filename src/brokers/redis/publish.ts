/** Puts messages into their lists: all of a call or none. */
import { randomUUID } from 'node:crypto'
import { PUBLISH, PUBLISH_STAGED } from './list-scripts.ts'
import type { Pushed } from './outgoing.ts'
import type { Argument, RedisStore } from './store.ts'

export async function publish(store: RedisStore, pushed: readonly Pushed[]): Promise<void> {
  const [first, ...others] = pushed
  if (first === undefined) return
  await store.declare(pushed.map(({ queue }) => queue))
  if (others.length === 0) {
    await store.run((client) => client.lpush(first.list, first.envelope))
    return
  }
  const steps = stepsOf(pushed)
  const [only, ...more] = steps
  if (only !== undefined && more.length === 0) return push(store, only, (list) => list)
  await publishStaged(store, steps)
}

/** Put aside step by step, then moved into the lists at once: what was put aside in vain goes by itself. */
async function publishStaged(store: RedisStore, steps: readonly (readonly Pushed[])[]): Promise<void> {
  const id = randomUUID()
  const lists = [...new Set(steps.flat().map(({ list }) => list))]
  const asides = new Map(lists.map((list, index) => [list, `${store.keys.queues}.${id}.${index}`]))
  const staged = (list: string) => asides.get(list) as string
  for (const step of steps) {
    await push(store, step, staged)
    await store.run((client) => Promise.all([...asides.values()].map((aside) => client.pexpire(aside, STAGED_MS))))
  }
  const keys = [...asides].flatMap(([list, aside]) => [aside, list])
  const all = steps.flat()
  const counts = lists.map((list) => all.filter((message) => message.list === list).length)
  await store.script(PUBLISH_STAGED, keys, counts)
}

async function push(store: RedisStore, pushed: readonly Pushed[], target: (list: string) => string): Promise<void> {
  const byList = new Map<string, string[]>()
  for (const { list, envelope } of pushed) {
    const envelopes = byList.get(list)
    if (envelopes === undefined) byList.set(list, [envelope])
    else envelopes.push(envelope)
  }
  const args: Argument[] = []
  for (const envelopes of byList.values()) {
    args.push(envelopes.length)
    for (const envelope of envelopes) args.push(envelope)
  }
  await store.script(PUBLISH, [...byList.keys()].map(target), args)
}

function stepsOf(pushed: readonly Pushed[]): Pushed[][] {
  const steps: Pushed[][] = []
  let bytes = Infinity
  for (const message of pushed) {
    const step = steps.at(-1)
    bytes += message.envelope.length
    if (step === undefined || step.length >= MAX_MESSAGES || bytes > MAX_BYTES) {
      steps.push([message])
      bytes = message.envelope.length
    } else {
      step.push(message)
    }
  }
  return steps
}

const MAX_MESSAGES = 2_000
const MAX_BYTES = 4 * 1024 * 1024
const STAGED_MS = 60_000
