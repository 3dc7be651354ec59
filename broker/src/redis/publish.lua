-- Publishes in order. ARGV: a channel and its message, the next channel and its message, …
for i = 1, #ARGV, 2 do
  redis.call('PUBLISH', ARGV[i], ARGV[i + 1])
end
return 0
