-- Later wins, by the clock of Redis; never earlier than what stands there.
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('HMGET', KEYS[1], 'at', 'hold')
at = math.max(at, tonumber(before[1] or 0) + 1)
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', at), 'hold', ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return before[2]
