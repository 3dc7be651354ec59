-- Takes a token from every key's bucket or from none. A bucket is the time, in microseconds of this server's
-- clock, at which it is full again (GCRA). ARGV: 'take', 'peek' or 'give', then interval and span of each key.
-- Answers 0, or the microseconds until every bucket has a token.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local mode = ARGV[1]
local full = {}
local wait = 0
for i, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[2 * i])
  local span = tonumber(ARGV[2 * i + 1])
  local full_at = full[key] or tonumber(redis.call('GET', key) or 0)
  if mode == 'give' then
    full[key] = full_at - interval
  else
    local after = math.max(full_at, now) + interval
    if after - now > span then
      wait = math.max(wait, after - now - span)
    else
      full[key] = after
    end
  end
end
if wait > 0 or mode == 'peek' then
  return wait
end
for key, full_at in pairs(full) do
  if full_at > now then
    redis.call('SET', key, string.format('%.0f', full_at), 'PX',
      string.format('%.0f', math.ceil((full_at - now) / 1000)))
  else
    redis.call('DEL', key)
  end
end
return 0
