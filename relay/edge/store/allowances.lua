-- One worker's batch of one tenant: rates moved, sums added, and where all of it stands now.
--
-- KEYS  1 rate of responses   2 rate of tokens   3 the day's sums   4 this worker's last batch
-- ARGV  1 batch's number, 0 where nothing is charged or leased   2 when the day's sums may go (unix s)
--       3 tokens since the batch before   4 tokens, 5 micro-USD of this worker's day
--       6 tokens, 7 micro-USD of everybody's day, as known   8 this worker
--       9 us a token (0: unlimited)   10 age of the first token (us)   11 us paid ahead, as known
--      12 us a response (0: unlimited)   13 burst (us)   14 spent   15 age of the first (us)   16 asked for
--      17 us paid ahead, as known   18 most us paid ahead
-- Gives: granted, tokens and micro-USD of the day, us paid ahead of now: of responses, of tokens.
--
-- A mark is the time (us, this server's) until which a rate is paid for: GCRA's one number. When it was made stands
-- beside it, so that a clock that is set back, or another server's, does not lengthen what was paid.
local number = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local fresh, granted = number ~= '0', 0
if fresh then
  local last = redis.call('GET', KEYS[4])
  local counted, given = string.match(last or '', '^(%d+):(%d+)$')
  if counted == number then
    fresh, granted = false, tonumber(given)
  end
end

local function mark_of(key, ahead)
  local kept = redis.call('GET', key)
  if not kept then
    return now + ahead
  end
  local mark, made = string.match(kept, '^(%S+) (%S+)$')
  return tonumber(mark) - math.max(0, tonumber(made) - now)
end

-- Kept a second longer than it means anything: where there is none, what a worker knows counts, and that is older.
local function keep(key, mark)
  local ahead = math.ceil(math.max(0, mark - now) / 1000)
  redis.call('SET', key, string.format('%.17g %.17g', mark, now), 'PX', ahead + 1000)
end

-- What was spent is charged from when it was: had it been told then, it would stand here already.
local function charge(mark, amount, age, cost)
  if amount <= 0 then
    return mark
  end
  return math.max(mark, now - age) + amount * cost
end

local responses_mark, tokens_mark = 0, 0
local cost = tonumber(ARGV[12])
if cost > 0 then
  responses_mark = mark_of(KEYS[1], ARGV[17])
  if fresh then
    local ask = tonumber(ARGV[16])
    local mark = charge(responses_mark, tonumber(ARGV[14]), tonumber(ARGV[15]), cost)
    if ask < 0 then
      mark = mark + ask * cost
    elseif ask > 0 then
      local from = math.max(mark, now)
      -- A thousandth of one: what adding fractions may be off by.
      granted = math.max(0, math.min(ask, math.floor((now + ARGV[13] - from) / cost + 0.001)))
      if granted > 0 then
        mark = from + granted * cost
      end
    end
    responses_mark = math.min(mark, now + ARGV[18])
    keep(KEYS[1], responses_mark)
  end
end

cost = tonumber(ARGV[9])
if cost > 0 then
  tokens_mark = mark_of(KEYS[2], ARGV[11])
  if fresh and tonumber(ARGV[3]) > 0 then
    tokens_mark = charge(tokens_mark, tonumber(ARGV[3]), tonumber(ARGV[10]), cost)
    keep(KEYS[2], tokens_mark)
  end
end

-- Each worker's own sums stand beside all of them. One that was lost here is told again and added again. What a
-- worker that is no more had told is lost with them, unless somebody knows that there was more.
local day = redis.call('HMGET', KEYS[3], 'tokens', 'micro_usd', 'least_tokens', 'least_micro_usd', ARGV[8])
local own = { string.match(day[5] or '0 0', '^(%d+) (%d+)$') }
local sums, changes = {}, {}
for number, name in ipairs({ 'tokens', 'micro_usd' }) do
  local more = math.max(0, ARGV[3 + number] - own[number])
  local sum, least = (day[number] or 0) + more, math.max(day[2 + number] or 0, ARGV[5 + number] + 0)
  if more > 0 then
    own[number] = ARGV[3 + number]
    changes[#changes + 1], changes[#changes + 2] = name, string.format('%.0f', sum)
  end
  if least > sum and least > (day[2 + number] or 0) + 0 then
    changes[#changes + 1], changes[#changes + 2] = 'least_' .. name, string.format('%.0f', least)
  end
  sums[number] = string.format('%.0f', math.max(sum, least))
end
if #changes > 0 then
  redis.call('HSET', KEYS[3], ARGV[8], own[1] .. ' ' .. own[2], unpack(changes))
  redis.call('EXPIREAT', KEYS[3], ARGV[2])
end
if fresh then
  redis.call('SET', KEYS[4], number .. ':' .. granted, 'EX', 172800)
end

return {
  granted,
  sums[1],
  sums[2],
  string.format('%.17g', math.max(0, responses_mark - now)),
  string.format('%.17g', math.max(0, tokens_mark - now)),
}
