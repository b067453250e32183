/** Chords as Celery keeps them on Redis: its parts in a sorted set, how many there are in a counter beside it. */
import { script } from './script.ts'

/**
 * Notes a part, and tells whether the chord is complete: Celery's rule, exactly as many parts as there are to be.
 *
 * Celery's set holds a part once per text, so one that ends again with other words would count twice. A hash of ours
 * knows each part of ours by its id.
 *
 * KEYS: the set, the counter, Celery's counter of parts that came later, our hash, the saved group. ARGV: id, status,
 * entry, score, lifetime (0 for none). Returns nothing while parts are missing, else the saved group (or '') and the
 * entries in order.
 */
export const JOIN_CHORD = script(`
local parts, size, added, known, group = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, status, entry, score, ttlMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
redis.call('ZCARD', parts)
for _, key in ipairs({size, added, group}) do redis.call('STRLEN', key) end
local last = redis.call('HGET', known, id)
local lastStatus = last and string.match(last, '^%u+')
if not last or (lastStatus ~= 'SUCCESS' and lastStatus ~= status) then
  if last then redis.call('ZREM', parts, string.sub(last, #lastStatus + 2)) end
  redis.call('ZADD', parts, score, entry)
  redis.call('HSET', known, id, status .. ' ' .. entry)
end
if ttlMs > 0 then
  for _, key in ipairs({parts, size, added, known}) do redis.call('PEXPIRE', key, ttlMs) end
end
local wanted = tonumber(redis.call('GET', size) or '')
if not wanted or redis.call('ZCARD', parts) ~= wanted + (tonumber(redis.call('GET', added) or '') or 0) then
  return false
end
return {redis.call('GET', group) or '', redis.call('ZRANGE', parts, 0, -1)}
`)
