-- Count one request in, as `LocalRateLimiter.try_acquire`: open requests as leases, then tokens,
-- those that leases reserve included, then requests of the minute that began with the first. The
-- clock is Redis' own: gateways need not agree on the time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open, tokens, requests = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('ZSCORE', KEYS[4], ARGV[1]) then return {'', 0} end -- late: it has ended
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if open > 0 and redis.call('ZCARD', KEYS[1]) >= open then return {'open', 0} end
if tokens > 0 then
  local wanted = math.max(tonumber(ARGV[7]), 1) + tonumber(redis.call('GET', KEYS[2]) or 0)
  if wanted > tokens then return {'tokens', redis.call('PTTL', KEYS[2])} end
  for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    wanted = wanted + tonumber(lease:match(':%d+:(%d+)$') or 0)
  end
  if wanted > tokens then return {'reserved', 0} end
end
if requests > 0 then
  if tonumber(redis.call('GET', KEYS[3]) or 0) >= requests then
    return {'requests', redis.call('PTTL', KEYS[3])}
  end
  if redis.call('INCR', KEYS[3]) == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[6]) end
end
if open > 0 or tokens > 0 then
  redis.call('ZADD', KEYS[1], now + ARGV[5], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return {'', 0}
