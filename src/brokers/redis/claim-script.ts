import { FIELDS, script } from './script.ts'

/**
 * Puts what is due into its list; where nothing is, takes messages.
 *
 * KEYS: the four, then the lists, all queues of a step together. ARGV: max, max bytes, leaseMs, nonce, prefix of keys,
 * lifetime of our keys, number of queues, 'promote' or '', then of each queue the suffix, and of each list the tail.
 * Returns the time, what was taken as field, envelope, field, ..., and milliseconds until the next message is due and
 * the next lease ends (-1: none), how many were put into their lists, and how many of these no worker of ours knew.
 */
export const CLAIM = script(`${FIELDS}
local max, maxBytes, leaseMs, nonce, prefix = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local lifetimeMs, queues = ARGV[6], tonumber(ARGV[7])
local failure
if ARGV[8] == 'promote' then
  local foreign, promoted = 0, 0
  local ready = redis.call('ZRANGEBYSCORE', due, '-inf', nowMs, 'LIMIT', 0, 100)
  for i = #ready, 1, -1 do
    local field = ready[i]
    local mark, step, length, queue = string.match(field, '^carom%.%x+%.([%w_-]+)%.(%d)%.(%d+)%.(.+)$')
    local value = redis.call('HGET', unacked, field)
    if value and step then
      local list = prefix .. queue .. (step == '0' and '' or '\\6\\22' .. step)
      local pushed = redis.pcall('RPUSH', list, string.sub(value, 2, -1 - tonumber(length)))
      if type(pushed) == 'table' and pushed.err then
        -- Full, or writes are refused: it stays parked. What is in the lists can be taken all the same.
        if not string.find(pushed.err, 'WRONGTYPE', 1, true) then
          failure = pushed
          break
        end
        redis.call('ZADD', due, 'XX', nowMs + 60000, field)
        redis.call('ZADD', index, 'XX', nowMs / 1000 + 60, field)
        step = nil
      end
    end
    if step or not value then
      if value and mark and string.sub(mark, -8) == '-foreign' then foreign = foreign + 1 end
      remove(field)
      redis.call('ZREM', due, field)
      promoted = promoted + 1
    end
  end
  -- Not taken in the same step: others wait for these lists too, and a worker that knows the task may be among them.
  if promoted > 0 then return { nowMs, {}, 0, -1, promoted, foreign } end
end
local taken, count, bytes = {}, 0, 0
local function take(list, queue, share)
  local popped = redis.pcall('RPOP', KEYS[4 + list], share)
  if popped and popped.err then failure = popped return false end
  if not popped or #popped == 0 then return false end
  local hash, byLease, byIndex = {}, {}, {}
  for i, envelope in ipairs(popped) do
    local field = newField(count, nonce, ARGV[8 + queues + list])
    count = count + 1
    bytes = bytes + #envelope
    hash[#hash + 1] = field
    hash[#hash + 1] = '[' .. envelope .. ARGV[8 + queue]
    byLease[#byLease + 1] = nowMs + leaseMs
    byLease[#byLease + 1] = field
    byIndex[#byIndex + 1] = (nowMs + leaseMs) / 1000
    byIndex[#byIndex + 1] = field
    taken[#taken + 1] = field
    taken[#taken + 1] = envelope
  end
  redis.call('HSET', unacked, unpack(hash))
  redis.call('ZADD', index, unpack(byIndex))
  redis.call('ZADD', leases, unpack(byLease))
  return #popped == share
end
-- One at first, then as many as fit by what they have been so far.
local function shareOf()
  if count == 0 then return 1 end
  local fit = math.floor((maxBytes - bytes) * count / math.max(1, bytes))
  return math.max(1, math.min(16, fit, math.ceil((max - count) / queues)))
end
for first = 1, #KEYS - 4, queues do
  local more, open = {}, true
  for queue = 1, queues do more[queue] = true end
  while open and count < max and bytes < maxBytes do
    open = false
    for queue = 1, queues do
      if more[queue] and count < max and bytes < maxBytes then
        local share = shareOf()
        more[queue] = take(first + queue - 1, queue, share)
        open = open or more[queue]
      end
    end
  end
end
if count > 0 then
  redis.call('PEXPIRE', leases, lifetimeMs)
  return { nowMs, taken, 0, -1, 0, 0 }
end
if failure then return failure end
local function untilFirst(key)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if #first == 0 then return -1 end
  return math.max(0, math.ceil(tonumber(first[2]) - nowMs))
end
return { nowMs, taken, untilFirst(due), untilFirst(leases), 0, 0 }
`)
