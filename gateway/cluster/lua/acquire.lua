-- Count one request in, as `LocalRateLimiter.try_acquire`: open requests as leases, then tokens,
-- then requests of the minute that began with the first. The clock is Redis' own: gateways need not
-- agree on the time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open, tokens, requests = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if open > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  if redis.call('ZCARD', KEYS[1]) >= open then return {'open', 0} end
end
if tokens > 0 and tonumber(redis.call('GET', KEYS[2]) or 0) >= tokens then
  return {'tokens', redis.call('PTTL', KEYS[2])}
end
if requests > 0 then
  if tonumber(redis.call('GET', KEYS[3]) or 0) >= requests then
    return {'requests', redis.call('PTTL', KEYS[3])}
  end
  if redis.call('INCR', KEYS[3]) == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[6]) end
end
if open > 0 then
  redis.call('ZADD', KEYS[1], now + ARGV[5], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return {'', 0}
