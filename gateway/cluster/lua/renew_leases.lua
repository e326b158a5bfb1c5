-- Renew leases, but not those of requests that have ended: this command may be late.
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for i = 2, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then redis.call('ZADD', KEYS[1], till, ARGV[i]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
