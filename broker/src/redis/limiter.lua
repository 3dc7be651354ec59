-- Takes tokens for groups of buckets, one group after the other: as often as it asks, each time from every bucket of
-- the group or from none. A bucket is the time, in microseconds of this server's clock, at which it is full again
-- (GCRA); a group has it once. KEYS: the groups' keys, one group after the other. ARGV: 'take', 'peek' or 'give', then
-- for each group how many keys it has, how often it asks, and each key's interval and span. Answers for each group how
-- often it was given, and the microseconds until every bucket of it has another token (0 where none was refused).
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local mode = ARGV[1]
local full = {}
local changed = {}
local answer = {}
local at = 2
local first = 1
while first <= #KEYS do
  local count = tonumber(ARGV[at])
  local times = tonumber(ARGV[at + 1])
  local given, wait = times, 0
  for i = 0, count - 1 do
    local key = KEYS[first + i]
    if not full[key] then
      full[key] = math.max(redis.call('GET', key) or 0, now)
    end
    if mode ~= 'give' then
      local interval, span = ARGV[at + 2 * i + 2], ARGV[at + 2 * i + 3]
      given = math.min(given, math.floor((now + span - full[key]) / interval))
    end
  end
  given = math.max(given, 0)
  for i = 0, count - 1 do
    local key = KEYS[first + i]
    local interval, span = ARGV[at + 2 * i + 2], ARGV[at + 2 * i + 3]
    if given < times then
      wait = math.max(wait, full[key] + (given + 1) * interval - now - span)
    end
    if mode ~= 'peek' and given > 0 then
      full[key] = full[key] + (mode == 'give' and -given or given) * interval
      changed[key] = true
    end
  end
  answer[#answer + 1] = given
  answer[#answer + 1] = wait
  at = at + 2 * count + 2
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
return answer
