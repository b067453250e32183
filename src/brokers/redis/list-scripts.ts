/** Scripts on lists, and small ones. */
import { script } from './script.ts'

/** KEYS: lists. ARGV: for each list how many envelopes, then these. */
export const PUBLISH = script(`
for _, list in ipairs(KEYS) do redis.call('LLEN', list) end
local at = 1
for _, list in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  for first = at + 1, last, 1000 do
    redis.call('LPUSH', list, unpack(ARGV, first, math.min(last, first + 999)))
  end
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

/** KEYS: lists. Deletes them and returns how many messages there were. */
export const PURGE = script(`
local count = 0
for _, list in ipairs(KEYS) do count = count + redis.call('LLEN', list) end
redis.call('UNLINK', unpack(KEYS))
return count
`)

/** KEYS: the quarantine. ARGV: for each entry its id, list and envelope; without a list it is dropped. Returns how many. */
export const LEAVE_QUARANTINE = script(`
local count = 0
for i = 1, #ARGV, 3 do
  if redis.call('HDEL', KEYS[1], ARGV[i]) == 1 then
    if ARGV[i + 1] ~= '' then redis.call('LPUSH', ARGV[i + 1], ARGV[i + 2]) end
    count = count + 1
  end
end
return count
`)

/** KEYS: lists of replies. ARGV: the reply, its lifetime in milliseconds: whoever asked may be gone by now. */
export const REPLY = script(`
for _, list in ipairs(KEYS) do
  redis.call('LPUSH', list, ARGV[1])
  redis.call('PEXPIRE', list, ARGV[2])
end
return 1
`)

/** KEYS: the mutex. ARGV: the token of its holder. */
export const UNLOCK = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)
