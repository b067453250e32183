/** Scripts on the lists of queues, and on what makes queues known. */
import { script } from './script.ts'

/** KEYS: lists. ARGV: their lifetime, 0 for none; for each list how many envelopes, then these. */
export const PUBLISH = script(`
for _, list in ipairs(KEYS) do redis.call('LLEN', list) end
local at = 2
for _, list in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  for first = at + 1, last, 1000 do
    redis.call('LPUSH', list, unpack(ARGV, first, math.min(last, first + 999)))
  end
  if ARGV[1] ~= '0' then redis.call('PEXPIRE', list, ARGV[1]) end
  at = last + 1
end
return 1
`)

/**
 * KEYS: a list of what was put aside, its target, and so on. ARGV: how many messages each of the former has. Moves all
 * of it in one step, which is a short one where the target is empty.
 */
export const PUBLISH_STAGED = script(`
for i = 1, #KEYS, 2 do
  redis.call('LLEN', KEYS[i + 1])
  if redis.call('LLEN', KEYS[i]) ~= tonumber(ARGV[(i + 1) / 2]) then
    return redis.error_reply('ERR what was put aside is gone')
  end
end
for i = 1, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i + 1]) == 0 then
    redis.call('RENAME', KEYS[i], KEYS[i + 1])
    redis.call('PERSIST', KEYS[i + 1])
  else
    while redis.call('LMOVE', KEYS[i], KEYS[i + 1], 'RIGHT', 'LEFT') do end
  end
end
return 1
`)

/**
 * KEYS: the set of known queues, then bindings. ARGV: lifetime of our keys, then of each binding the queue and the
 * member. Though the server is full: a worker that cannot begin does not empty it.
 */
export const DECLARE = script(`
for _, key in ipairs(KEYS) do redis.call('SCARD', key) end
redis.call('SREM', KEYS[1], '')
for i = 2, #KEYS do
  redis.call('SADD', KEYS[i], ARGV[2 * i - 1])
  redis.call('SADD', KEYS[1], ARGV[2 * i - 2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`)

/** KEYS: lists. Deletes them and returns how many messages there were. */
export const PURGE = script(`
local count = 0
for _, list in ipairs(KEYS) do count = count + redis.call('LLEN', list) end
redis.call('UNLINK', unpack(KEYS))
return count
`)
