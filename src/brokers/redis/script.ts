/**
 * What has to be one step, in Lua. A script does not roll back: so each looks at the types of all its keys before it
 * writes, where it does not take the error of each by itself, and what is full, read-only or short of replicas refuses
 * its first write or none. It writes in an order in which an end halfway can repeat work and loses none. None of them
 * reads what a message says.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly lua: string
  readonly sha: string
}

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/** Every script that touches fields has these as KEYS[1] to KEYS[4]. */
export const FIELDS = `
local unacked, index, leases, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local nowUs = time[1] * 1000000 + time[2]
local nowMs = math.floor(nowUs / 1000)
-- A key of another type fails here, before anything is written.
redis.call('HLEN', unacked)
redis.call('ZCARD', index)
redis.call('ZCARD', leases)
redis.call('ZCARD', due)
-- For a script that only moves what is there already: beyond maxmemory Redis lets a script write once its first write
-- was one that takes no memory.
local function writeThoughFull() redis.call('ZREM', leases, '') end
local function newField(number, nonce, tail)
  return string.format('carom.%014x%04x.', nowUs, number) .. nonce .. '.' .. tail
end
local function remove(...)
  redis.call('HDEL', unacked, ...)
  redis.call('ZREM', index, ...)
  redis.call('ZREM', leases, ...)
end
`
