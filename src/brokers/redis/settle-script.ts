/** Ends of claims, and results: both store over anything but a SUCCESS. */
import { FIELDS, script } from './script.ts'

const STORE = `local function isSuccess(key)
  -- Celery writes the status first; what another writer wrote is looked at whole, if it is of bearable size.
  local head = redis.pcall('GETRANGE', key, 0, 63)
  if type(head) ~= 'string' or head == '' then return false end
  local status = string.match(head, '^%s*{%s*"status"%s*:%s*"([%u_]+)"')
  if status then return status == 'SUCCESS' end
  if redis.call('STRLEN', key) > 1048576 then return false end
  local read, meta = pcall(cjson.decode, redis.call('GET', key))
  return read and type(meta) == 'table' and meta.status == 'SUCCESS'
end
local function set(key, text, ttlMs, ...)
  if ttlMs == '0' then return redis.call('SET', key, text, ...) end
  return redis.call('SET', key, text, 'PX', ttlMs, ...)
end
local function store(key, text, ttlMs)
  -- Most have no result yet, which the one command finds that has to be given anyhow.
  if not set(key, text, ttlMs, 'NX') then
    if isSuccess(key) then return end
    set(key, text, ttlMs)
  end
  redis.call('PUBLISH', key, text)
end
`

/**
 * Ends claims, each in this order: the result, the next messages, the end. All of them, or none with an error.
 *
 * ARGV: 'expired' to end only those whose lease is over, else ''; nonce; lifetime of our keys, the visibility timeout and the
 * lifetime of results in milliseconds; then for each: field; key and text of the result ('' for none); number of next
 * messages, of each list and envelope; how it ends: 'ack' | 'push', list, envelope | 'park', mark, tail, value, 'at' or
 * 'after', milliseconds | 'quarantine', id, entry, 'large' to keep the envelope as it is beside the entry, else ''.
 * KEYS[5] and KEYS[6] are the quarantine, and what is kept beside it. Returns 1 for each that was ended, 0 for each that
 * did not stand.
 */
export const SETTLE = script(`${FIELDS}
local onlyExpired, nonce, lifetimeMs, visibilityMs = ARGV[1] == 'expired', ARGV[2], ARGV[3], tonumber(ARGV[4])
local resultMs = ARGV[5]
redis.call('HLEN', KEYS[5])
redis.call('HLEN', KEYS[6])
local at = 5
local function argument()
  at = at + 1
  return ARGV[at]
end
${STORE}local arguments = { ack = 0, push = 2, park = 5, quarantine = 3 }
local endings, fields = {}, {}
while at < #ARGV do
  local ending = { field = argument(), key = argument(), text = argument(), next = {} }
  for i = 1, tonumber(argument()) do ending.next[i] = { argument(), argument() } end
  ending.type = argument()
  for i = 1, arguments[ending.type] do ending[i] = argument() end
  endings[#endings + 1] = ending
  fields[#fields + 1] = ending.field
end
local untilMs = redis.call('ZMSCORE', leases, unpack(fields))
local brings = false
for number, ending in ipairs(endings) do
  local ends = untilMs[number]
  ending.stands = ends and (not onlyExpired or tonumber(ends) <= nowMs)
    and redis.call('HEXISTS', unacked, ending.field) == 1
  if ending.stands then
    for _, message in ipairs(ending.next) do redis.call('LLEN', message[1]) end
    if ending.type == 'push' then redis.call('LLEN', ending[1]) end
    brings = brings or ending.key ~= '' or #ending.next > 0
  end
end
-- Nothing in it is new: a full server is no reason to keep a message from going back.
if not brings then writeThoughFull() end
local finish = {
  ack = function() end,
  push = function(ending) redis.call('RPUSH', ending[1], ending[2]) end,
  park = function(ending, number)
    local mark, tail, value, from, ms = unpack(ending)
    local dueMs = from == 'at' and tonumber(ms) or nowMs + tonumber(ms)
    local field = newField(number, nonce .. mark, tail)
    redis.call('HSET', unacked, field, value)
    -- Kombu gives it back a visibility timeout after this: late, should only Python workers be left, and never early.
    -- What carries a mark waits for a worker that knows its task: that one may have it when it next looks.
    redis.call('ZADD', index, (mark == '' and dueMs or dueMs - visibilityMs) / 1000, field)
    redis.call('ZADD', due, dueMs, field)
    redis.call('PEXPIRE', due, lifetimeMs)
  end,
  quarantine = function(ending)
    redis.call('HSET', KEYS[5], ending[1], ending[2])
    redis.call('PEXPIRE', KEYS[5], lifetimeMs)
    if ending[3] ~= 'large' then return end
    local suffix = string.match(ending.field, '^carom%.%x+%.[%w_-]+%.%d%.(%d+)%.')
    local envelope = string.sub(redis.call('HGET', unacked, ending.field), 2, -1 - tonumber(suffix))
    redis.call('HSET', KEYS[6], ending[1], envelope)
    redis.call('PEXPIRE', KEYS[6], lifetimeMs)
  end,
}
local outcomes, ended, acked = {}, {}, {}
for number, ending in ipairs(endings) do
  -- The same claim may have ended before it in this call.
  local standing = ending.stands and not ended[ending.field]
  if standing then
    ended[ending.field] = true
    if ending.key ~= '' then store(ending.key, ending.text, resultMs) end
    for _, message in ipairs(ending.next) do redis.call('LPUSH', message[1], message[2]) end
    finish[ending.type](ending, number)
    -- Where an end halfway would repeat no more than a result, all go together, which costs half as much.
    if ending.type == 'ack' and #ending.next == 0 then acked[#acked + 1] = ending.field else remove(ending.field) end
  end
  outcomes[number] = standing and 1 or 0
end
if #acked > 0 then remove(unpack(acked)) end
return outcomes
`)

/** KEYS: results. ARGV: lifetime, then the texts. Never over a SUCCESS. */
export const SAVE = script(`
${STORE}for i, key in ipairs(KEYS) do store(key, ARGV[i + 1], ARGV[1]) end
return 1
`)
