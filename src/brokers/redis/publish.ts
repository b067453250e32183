/** Puts messages into their lists: all of a call or none. */
import { randomUUID } from 'node:crypto'
import { PUBLISH, PUBLISH_STAGED } from './list-scripts.ts'
import type { Pushed } from './outgoing.ts'
import type { Argument, RedisStore } from './store.ts'

export async function publish(store: RedisStore, pushed: readonly Pushed[]): Promise<void> {
  await store.declare(pushed.map(({ queue }) => queue))
  const steps = stepsOf(pushed)
  if (steps.length > 1) return publishStaged(store, steps)
  const lists = byList(pushed)
  const [only, ...others] = lists
  if (only === undefined) return
  if (others.length > 0) return push(store, lists, (list) => list, 0)
  // A script would cost the server twice as much: it copies what it is given, and looks at every text.
  const [list, envelopes] = only
  await store.run((client) => client.call('LPUSH', [list, ...envelopes]))
}

/** Put aside step by step, then moved into the lists at once: what was put aside in vain goes by itself. */
async function publishStaged(store: RedisStore, steps: readonly (readonly Pushed[])[]): Promise<void> {
  const id = randomUUID()
  const lists = [...new Set(steps.flat().map(({ list }) => list))]
  const asides = new Map(lists.map((list, index) => [list, `${store.keys.queues}.${id}.${index}`]))
  const staged = (list: string) => asides.get(list) as string
  for (const step of steps) {
    await push(store, byList(step), staged, STAGED_MS)
    // Also what was put aside long before it.
    await store.run((client) => Promise.all([...asides.values()].map((aside) => client.pexpire(aside, STAGED_MS))))
  }
  const keys = [...asides].flatMap(([list, aside]) => [aside, list])
  const all = steps.flat()
  const counts = lists.map((list) => all.filter((message) => message.list === list).length)
  await store.script(PUBLISH_STAGED, keys, counts)
}

async function push(
  store: RedisStore,
  lists: ReadonlyMap<string, readonly string[]>,
  target: (list: string) => string,
  lifetimeMs: number,
): Promise<void> {
  const args: Argument[] = [lifetimeMs]
  for (const envelopes of lists.values()) args.push(envelopes.length, ...envelopes)
  await store.script(PUBLISH, [...lists.keys()].map(target), args)
}

function byList(pushed: readonly Pushed[]): Map<string, string[]> {
  const lists = new Map<string, string[]>()
  for (const { list, envelope } of pushed) {
    const envelopes = lists.get(list)
    if (envelopes === undefined) lists.set(list, [envelope])
    else envelopes.push(envelope)
  }
  return lists
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
