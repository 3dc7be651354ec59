-- Leases of users. A key is a hash: a field for each node with the lease's end in milliseconds of this server's
-- clock, and the field 'seen' with microseconds. ARGV: 'renew', node, lease in milliseconds, retention in
-- milliseconds; or 'release', node, time in microseconds, retention; or 'states'.
-- Answers for each key the number of live leases (before 'renew' and after 'release'; -1 where nothing is known) and
-- when last seen (-1 likewise).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mode, node = ARGV[1], ARGV[2]
local answer = {}
for i, key in ipairs(KEYS) do
  if mode == 'release' then
    redis.call('HDEL', key, node)
  end
  local live, seen = 0, -1
  local fields = redis.call('HGETALL', key)
  for j = 1, #fields, 2 do
    local name, value = fields[j], tonumber(fields[j + 1])
    if name == 'seen' then
      seen = math.max(seen, value)
    elseif value > now then
      live = live + 1
    else
      seen = math.max(seen, value * 1000)
      if mode ~= 'states' then
        redis.call('HDEL', key, name)
      end
    end
  end
  if mode == 'states' and #fields == 0 then
    live = -1
  end
  if mode == 'release' then
    seen = math.max(seen, tonumber(ARGV[3]))
  end
  if mode ~= 'states' then
    if seen >= 0 then
      redis.call('HSET', key, 'seen', string.format('%.0f', seen))
    end
    if mode == 'renew' then
      redis.call('HSET', key, node, string.format('%.0f', now + tonumber(ARGV[3])))
    end
    redis.call('PEXPIRE', key, ARGV[4])
  end
  answer[2 * i - 1] = live
  answer[2 * i] = seen
end
return answer
