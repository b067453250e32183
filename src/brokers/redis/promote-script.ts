import { FIELDS, script } from './script.ts'

/**
 * Puts parked messages that are due into their lists, the first one of all in front. One that cannot be put there
 * stays parked for a minute more, and does not keep the others from it.
 *
 * KEYS: the four. ARGV: prefix of keys. Returns how many were put into their lists, and how many of these no worker of
 * ours knew.
 */
export const PROMOTE = script(`${FIELDS}
local moved, foreign = 0, 0
local ready = redis.call('ZRANGEBYSCORE', due, '-inf', nowMs, 'LIMIT', 0, 100)
if #ready > 0 then writeThoughFull() end
for i = #ready, 1, -1 do
  local field = ready[i]
  local mark, step, length, queue = string.match(field, '^carom%.%x+%.([%w_-]+)%.(%d)%.(%d+)%.(.+)$')
  local value = redis.call('HGET', unacked, field)
  if not value then
    remove(field)
    redis.call('ZREM', due, field)
  elseif not step or tonumber(length) >= #value then
    -- Not ours: it lies where it lay, to be found by whoever put it there.
    redis.call('ZREM', due, field)
  else
    local list = ARGV[1] .. queue .. (step == '0' and '' or '\\6\\22' .. step)
    -- The list may be of another type, or forbidden to this user: known only by trying.
    local pushed = redis.pcall('RPUSH', list, string.sub(value, 2, -1 - tonumber(length)))
    if type(pushed) == 'number' then
      remove(field)
      redis.call('ZREM', due, field)
      moved = moved + 1
      if string.sub(mark, -8) == '-foreign' then foreign = foreign + 1 end
    else
      redis.call('ZADD', index, 'XX', nowMs / 1000 + 60, field)
      redis.call('ZADD', due, 'XX', nowMs + 60000, field)
    end
  end
end
return { moved, foreign }
`)
