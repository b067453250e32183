import type { Quarantine, QuarantinedMessage } from '../broker.ts'
import { type Leaving, readEntry, replayOf } from './quarantine-entry.ts'
import { script } from './script.ts'
import type { Argument, RedisStore } from './store.ts'

export class RedisQuarantine implements Quarantine {
  readonly #store: RedisStore

  constructor(store: RedisStore) {
    this.#store = store
  }

  async list(): Promise<readonly QuarantinedMessage[]> {
    const found: { id: string; message: QuarantinedMessage }[] = []
    await this.#scan((id, text) => {
      const message = readEntry(id, text)
      if (message !== null) found.push({ id, message })
    })
    // A scan may give an entry twice. Names begin with the time.
    const byId = new Map(found.map(({ id, message }) => [id, message]))
    return [...byId].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, message]) => message)
  }

  replay(taskIds: readonly string[]): Promise<number> {
    return this.#take(taskIds, (text) => replayOf(text, this.#store.keys))
  }

  drop(taskIds: readonly string[]): Promise<number> {
    return this.#take(taskIds, () => ({ list: '', envelope: '' }))
  }

  async #take(taskIds: readonly string[], target: (text: string) => Leaving | null): Promise<number> {
    const asked = new Set(taskIds)
    const args: Argument[] = []
    await this.#scan((id, text) => {
      if (!asked.has(readEntry(id, text)?.taskId ?? '')) return
      const to = target(text)
      if (to !== null) args.push(id, to.list, to.envelope === null ? 'large' : '', to.envelope ?? '')
    })
    const { keys } = this.#store
    let taken = 0
    for (let at = 0; at < args.length; at += 4 * SLICE) {
      const slice = args.slice(at, at + 4 * SLICE)
      taken += (await this.#store.script(LEAVE_QUARANTINE, [keys.quarantine, keys.quarantineLarge], slice)) as number
    }
    return taken
  }

  async #scan(look: (id: string, text: string) => void): Promise<void> {
    let cursor = '0'
    do {
      const [next, pairs] = await this.#store.run((client) =>
        client.hscan(this.#store.keys.quarantine, cursor, 'COUNT', SLICE),
      )
      for (let at = 0; at + 1 < pairs.length; at += 2) look(pairs[at] as string, pairs[at + 1] as string)
      cursor = next
    } while (cursor !== '0')
  }
}

const SLICE = 100

/**
 * KEYS: the quarantine, what is kept beside it. ARGV: for each entry its id, list, 'large' where the envelope is kept
 * beside it, envelope; without a list it is dropped. Returns how many.
 */
const LEAVE_QUARANTINE = script(`
redis.call('HLEN', KEYS[1])
redis.call('HLEN', KEYS[2])
for i = 1, #ARGV, 4 do
  if ARGV[i + 1] ~= '' then redis.call('LLEN', ARGV[i + 1]) end
end
local count = 0
for i = 1, #ARGV, 4 do
  local id, list, envelope = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  if redis.call('HEXISTS', KEYS[1], id) == 1 then
    if ARGV[i + 2] == 'large' then envelope = redis.call('HGET', KEYS[2], id) end
    if list ~= '' and envelope then redis.call('LPUSH', list, envelope) end
    redis.call('HDEL', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
    count = count + 1
  end
end
return count
`)
