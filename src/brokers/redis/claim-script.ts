import { HEAD_BYTES, MAX_ENVELOPE_BYTES } from './envelope-size.ts'
import { FIELDS, script } from './script.ts'

/**
 * Takes messages. KEYS: the four, then the lists, all queues of a step together. ARGV: max, max bytes, leaseMs, nonce,
 * lifetime of our keys, number of queues, then of each queue the suffix, and of each list the tail. Returns the time,
 * what was taken as field, bytes, envelope (its beginning, if it is too large to be read), field, ..., and milliseconds
 * until the next message is due and the next lease ends (-1: none).
 */
export const CLAIM = script(`${FIELDS}
local max, maxBytes, leaseMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local nonce, lifetimeMs, queues = ARGV[4], ARGV[5], tonumber(ARGV[6])
local taken, count, bytes, failure = {}, 0, 0, nil
-- As text: writing a number out is what Redis would do for each of them.
local untilMs, untilS = string.format('%d', nowMs + leaseMs), string.format('%.3f', (nowMs + leaseMs) / 1000)
local function take(list, queue, share)
  local popped = redis.pcall('RPOP', KEYS[4 + list], share)
  if popped and popped.err then failure = popped return false end
  if not popped or #popped == 0 then return false end
  local hash, byLease, byIndex = {}, {}, {}
  local tail, suffix = ARGV[6 + queues + list], ARGV[6 + queue]
  for i, envelope in ipairs(popped) do
    local field = newField(count, nonce, tail)
    bytes = bytes + #envelope
    local at, name = 3 * count, 2 * i
    hash[name - 1], hash[name] = field, '[' .. envelope .. suffix
    byLease[name - 1], byLease[name] = untilMs, field
    byIndex[name - 1], byIndex[name] = untilS, field
    taken[at + 1], taken[at + 2] = field, #envelope
    taken[at + 3] = #envelope > ${MAX_ENVELOPE_BYTES} and string.sub(envelope, 1, ${HEAD_BYTES}) or envelope
    count = count + 1
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
elseif failure then
  return failure
end
local function untilFirst(key)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if #first == 0 then return -1 end
  return math.max(0, math.ceil(tonumber(first[2]) - nowMs))
end
return { nowMs, taken, untilFirst(due), untilFirst(leases) }
`)
