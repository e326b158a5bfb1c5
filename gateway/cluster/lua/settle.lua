-- End one request: its lease goes, and its tokens count, once however often this is sent. The mark
-- that it has ended stays for a minute.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, minute = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - minute)
if redis.call('ZADD', KEYS[3], 'NX', now, ARGV[1]) == 1 and tokens > 0 then
  if redis.call('INCRBY', KEYS[2], tokens) == tokens then redis.call('PEXPIRE', KEYS[2], minute) end
end
redis.call('PEXPIRE', KEYS[3], minute)
