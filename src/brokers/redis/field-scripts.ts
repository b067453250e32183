/** What happens to messages that lie in `unacked`. */
import { FIELDS, script } from './script.ts'

/** ARGV: leaseMs, lifetime of our keys, fields. Returns 1 for each that stands, and starts its lease anew. */
export const RENEW = script(`${FIELDS}
local untilMs = nowMs + tonumber(ARGV[1])
local standing = {}
for i = 3, #ARGV do
  local stands = redis.call('HEXISTS', unacked, ARGV[i]) == 1 and redis.call('ZSCORE', leases, ARGV[i])
  if stands then
    redis.call('ZADD', leases, 'XX', untilMs, ARGV[i])
    redis.call('ZADD', index, 'XX', untilMs / 1000, ARGV[i])
  end
  standing[#standing + 1] = stands and 1 or 0
end
redis.call('PEXPIRE', leases, ARGV[2])
return standing
`)

/**
 * Puts claims back in front of their lists as they are. ARGV: prefix of keys, fields, the one that comes first last.
 * Returns 1 for each that stood.
 */
export const GIVE_BACK = script(`${FIELDS}
local stood = {}
-- A full Redis refuses the first write of a script only, if that takes memory: this one frees as much as it takes.
redis.call('ZREM', leases, '')
for i = 2, #ARGV do
  local step, length, queue = string.match(ARGV[i], '^carom%.%x+%.[%w_-]+%.(%d)%.(%d+)%.(.+)$')
  local value = step and redis.call('ZSCORE', leases, ARGV[i]) and redis.call('HGET', unacked, ARGV[i])
  if value then
    local list = ARGV[1] .. queue .. (step == '0' and '' or '\\6\\22' .. step)
    redis.call('RPUSH', list, string.sub(value, 2, -1 - tonumber(length)))
    remove(ARGV[i])
  end
  stood[#stood + 1] = value and 1 or 0
end
return stood
`)

/** ARGV: how many at most. Returns the fields whose lease is over, with their values, as field, value, ... */
export const EXPIRED = script(`${FIELDS}
local found = {}
for _, field in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', nowMs, 'LIMIT', 0, tonumber(ARGV[1]))) do
  local value = redis.call('HGET', unacked, field)
  if value then
    found[#found + 1] = field
    found[#found + 1] = value
  else
    -- Somebody else has given it back.
    redis.call('ZREM', leases, field)
  end
end
return found
`)

/**
 * Gives back messages of others. ARGV: the latest score, then for each: tag, value as it was read, how many lists,
 * and of each list and envelope. Returns how many were given back.
 */
export const RESTORE = script(`${FIELDS}
local latest, at, restored = tonumber(ARGV[1]), 1, 0
local function next()
  at = at + 1
  return ARGV[at]
end
while at < #ARGV do
  local tag, value = next(), next()
  local score = redis.call('ZSCORE', index, tag)
  local standing = score and tonumber(score) <= latest and redis.call('HGET', unacked, tag) == value
  for _ = 1, tonumber(next()) do
    local list, envelope = next(), next()
    if standing then redis.call('RPUSH', list, envelope) end
  end
  if standing then
    remove(tag)
    redis.call('ZREM', due, tag)
    restored = restored + 1
  end
end
return restored
`)

/** ARGV: fields of parked messages. Returns how many of them were dropped. */
export const DROP_PARKED = script(`${FIELDS}
local dropped = 0
for _, field in ipairs(ARGV) do
  if redis.call('ZREM', due, field) == 1 then
    remove(field)
    dropped = dropped + 1
  end
end
return dropped
`)
