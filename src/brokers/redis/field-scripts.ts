/** What happens to messages that lie in `unacked`. */
import { HEAD_BYTES, MAX_ENVELOPE_BYTES } from './envelope-size.ts'
import { FIELDS, script } from './script.ts'

const MAX_EXPIRED_BYTES = 8 * 1024 * 1024

/** ARGV: leaseMs, lifetime of our keys, fields. Returns 1 for each that stands, and starts its lease anew, though full. */
export const RENEW = script(`${FIELDS}
local untilMs = nowMs + tonumber(ARGV[1])
local standing = {}
writeThoughFull()
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
 * Puts claims back in front of their lists as they are, though the server is full. ARGV: prefix of keys, fields, the one
 * that comes first last. Returns 1 for each that stood.
 */
export const GIVE_BACK = script(`${FIELDS}
local lists, stood = {}, {}
for i = 2, #ARGV do
  local step, length, queue = string.match(ARGV[i], '^carom%.%x+%.[%w_-]+%.(%d)%.(%d+)%.(.+)$')
  if step and redis.call('ZSCORE', leases, ARGV[i]) and redis.call('HEXISTS', unacked, ARGV[i]) == 1 then
    lists[i] = { ARGV[1] .. queue .. (step == '0' and '' or '\\6\\22' .. step), tonumber(length) }
    redis.call('LLEN', lists[i][1])
  end
end
writeThoughFull()
for i = 2, #ARGV do
  local list = lists[i]
  if list then
    redis.call('RPUSH', list[1], string.sub(redis.call('HGET', unacked, ARGV[i]), 2, -1 - list[2]))
    remove(ARGV[i])
  end
  stood[i - 1] = list and 1 or 0
end
return stood
`)

/**
 * ARGV: how many at most. Returns fields whose lease is over, each with the bytes of its value and the value, of which
 * only the beginning if it is too large to be read: field, bytes, value, ... Fewer when these are many bytes, none when
 * there is none.
 */
export const EXPIRED = script(`${FIELDS}
local found, total = {}, 0
for _, field in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', nowMs, 'LIMIT', 0, tonumber(ARGV[1]))) do
  local value = redis.call('HGET', unacked, field)
  if value then
    found[#found + 1] = field
    found[#found + 1] = #value
    if #value > ${MAX_ENVELOPE_BYTES} then value = string.sub(value, 1, ${HEAD_BYTES}) end
    found[#found + 1] = value
    total = total + #value
    if total > ${MAX_EXPIRED_BYTES} then break end
  else
    -- Somebody else has given it back.
    redis.call('ZREM', leases, field)
  end
end
return found
`)

/** ARGV: milliseconds, field. A claim whose lease is over counts as over that much later. */
export const DEFER = script(`${FIELDS}
local untilMs = redis.call('ZSCORE', leases, ARGV[2])
if not untilMs or tonumber(untilMs) > nowMs then return 0 end
writeThoughFull()
redis.call('ZADD', leases, 'XX', nowMs + tonumber(ARGV[1]), ARGV[2])
return 1
`)

/**
 * Gives a message of others back, though the server is full. KEYS: the four, then the lists. ARGV: the latest score,
 * tag, value as it was read, envelope. Returns 1, or 0 where it does not stand so.
 */
export const RESTORE = script(`${FIELDS}
local tag = ARGV[2]
local score = redis.call('ZSCORE', index, tag)
if not score or tonumber(score) > tonumber(ARGV[1]) then return 0 end
if redis.call('HGET', unacked, tag) ~= ARGV[3] then return 0 end
for i = 5, #KEYS do redis.call('LLEN', KEYS[i]) end
writeThoughFull()
for i = 5, #KEYS do redis.call('RPUSH', KEYS[i], ARGV[4]) end
remove(tag)
redis.call('ZREM', due, tag)
return 1
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
