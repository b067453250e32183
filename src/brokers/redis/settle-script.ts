/** Ends of claims, and results: both store over anything but a SUCCESS. */
import { FIELDS, script } from './script.ts'

const IS_SUCCESS = `local function isSuccess(key)
  -- Celery writes the status first; what another writer wrote is looked at whole, if it is of bearable size.
  local head = redis.pcall('GETRANGE', key, 0, 63)
  if type(head) ~= 'string' or head == '' then return false end
  local status = string.match(head, '^%s*{%s*"status"%s*:%s*"([%u_]+)"')
  if status then return status == 'SUCCESS' end
  if redis.call('STRLEN', key) > 1048576 then return false end
  local read, meta = pcall(cjson.decode, redis.call('GET', key))
  return read and type(meta) == 'table' and meta.status == 'SUCCESS'
end
`

/**
 * Ends claims, each in this order: the result, the next messages, the end.
 *
 * ARGV: 'expired' to end only those whose lease is over, else ''; nonce; lifetime of our keys; the visibility timeout in
 * milliseconds; then for each: field; key, text and lifetime of the result ('' for none); number of next messages, of each list and envelope; how it ends:
 * 'ack' | 'push', list, envelope | 'park', mark, tail, value, 'at' or 'after', milliseconds | 'quarantine', id, entry.
 * KEYS[5] is the quarantine. Returns 1 for each that was ended, 0 for each that did not stand.
 */
export const SETTLE = script(`${FIELDS}
local onlyExpired, nonce, lifetimeMs, visibilityMs = ARGV[1] == 'expired', ARGV[2], ARGV[3], tonumber(ARGV[4])
redis.call('HLEN', KEYS[5])
local at = 4
local function next()
  at = at + 1
  return ARGV[at]
end
${IS_SUCCESS}local function stands(field)
  if redis.call('HEXISTS', unacked, field) == 0 then return false end
  local untilMs = redis.call('ZSCORE', leases, field)
  if not untilMs then return false end
  return not onlyExpired or tonumber(untilMs) <= nowMs
end
local outcomes, parked = {}, false
while at < #ARGV do
  local field, key, text, ttlMs = next(), next(), next(), next()
  local standing = stands(field)
  if standing and key ~= '' and not isSuccess(key) then
    if ttlMs == '0' then redis.call('SET', key, text) else redis.call('SET', key, text, 'PX', ttlMs) end
    redis.call('PUBLISH', key, text)
  end
  for _ = 1, tonumber(next()) do
    local list, envelope = next(), next()
    if standing then redis.call('LPUSH', list, envelope) end
  end
  local ending = next()
  if ending == 'push' then
    local list, envelope = next(), next()
    if standing then redis.call('RPUSH', list, envelope) end
  elseif ending == 'park' then
    local mark, tail, value, from, ms = next(), next(), next(), next(), tonumber(next())
    if standing then
      local dueMs = from == 'at' and ms or nowMs + ms
      local parkedField = newField(#outcomes, nonce .. mark, tail)
      redis.call('HSET', unacked, parkedField, value)
      -- Kombu gives it back a visibility timeout after this: late, should only Python workers be left, and never early.
      -- What carries a mark waits for a worker that knows its task: that one may have it when it next looks.
      redis.call('ZADD', index, (mark == '' and dueMs or dueMs - visibilityMs) / 1000, parkedField)
      redis.call('ZADD', due, dueMs, parkedField)
      parked = true
    end
  elseif ending == 'quarantine' then
    local id, entry = next(), next()
    if standing then
      redis.call('HSET', KEYS[5], id, entry)
      redis.call('PEXPIRE', KEYS[5], lifetimeMs)
    end
  end
  if standing then remove(field) end
  outcomes[#outcomes + 1] = standing and 1 or 0
end
if parked then redis.call('PEXPIRE', due, lifetimeMs) end
return outcomes
`)

/** KEYS: results. ARGV: lifetime, then the texts. Never over a SUCCESS. */
export const SAVE = script(`
${IS_SUCCESS}for i, key in ipairs(KEYS) do
  if not isSuccess(key) then
    if ARGV[1] == '0' then redis.call('SET', key, ARGV[i + 1]) else redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1]) end
    redis.call('PUBLISH', key, ARGV[i + 1])
  end
end
return 1
`)
