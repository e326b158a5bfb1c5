-- Renew leases. Those of the process that is named are only these: others of it have ended.
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local process = ARGV[2]
if process ~= '' then
  for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if lease:sub(1, #process) == process then redis.call('ZREM', KEYS[1], lease) end
  end
end
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], till, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
