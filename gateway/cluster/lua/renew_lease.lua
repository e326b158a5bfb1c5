-- Renew a lease, but not that of a request that has ended: this command may be late.
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then return end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
