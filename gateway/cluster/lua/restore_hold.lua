if tonumber(redis.call('HGET', KEYS[1], 'at') or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'at', ARGV[1], 'hold', ARGV[2])
end
