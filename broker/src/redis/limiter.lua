-- Takes tokens for groups of buckets, one group after the other: from each bucket of a group or from none of it. A
-- bucket is the time, in microseconds of this server's clock, at which it is full again (GCRA). KEYS: the groups' keys,
-- one group after the other. ARGV: 'take', 'peek' or 'give', then for each group how many keys it has and each key's
-- interval and span. Answers for each group 0, or the microseconds until every bucket of it has a token.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local mode = ARGV[1]
local full = {}
local changed = {}
local waits = {}
local at = 2
local first = 1
while first <= #KEYS do
  local count = tonumber(ARGV[at])
  local wait = 0
  local after = {}
  for i = 0, count - 1 do
    local key = KEYS[first + i]
    local interval = tonumber(ARGV[at + 2 * i + 1])
    local span = tonumber(ARGV[at + 2 * i + 2])
    local full_at = after[key] or full[key]
    if not full_at then
      full_at = tonumber(redis.call('GET', key) or 0)
      full[key] = full_at
    end
    if mode == 'give' then
      after[key] = full_at - interval
    else
      local next_at = math.max(full_at, now) + interval
      if next_at - now > span then
        wait = math.max(wait, next_at - now - span)
      else
        after[key] = next_at
      end
    end
  end
  if wait == 0 and mode ~= 'peek' then
    for key, full_at in pairs(after) do
      full[key] = full_at
      changed[key] = true
    end
  end
  waits[#waits + 1] = wait
  at = at + 2 * count + 1
  first = first + count
end
for key in pairs(changed) do
  local full_at = full[key]
  if full_at > now then
    redis.call('SET', key, string.format('%.0f', full_at), 'PX',
      string.format('%.0f', math.ceil((full_at - now) / 1000)))
  else
    redis.call('DEL', key)
  end
end
return waits
