//! The Lua scripts. Each changes the keys of a target in one step: those of one target are on one node of a
//! cluster.
//!
//! They are sent with each call instead of by their digest: they are short, and a server that was replaced
//! or emptied does not need to be told about them first.

/// Grants or renews a lease. Returns its fencing token, or 0 if another holder has the lease.
///
/// KEYS: lease, fence. ARGV: holder, milliseconds, milliseconds until the token expires.
///
/// Tokens only grow, even if the server loses everything or its replica takes over without the last
/// token: they are not smaller than its clock in microseconds, which a number of Lua holds exactly. A lease
/// is tiny, so it is granted even if the memory is full.
pub(super) const LEASE: &str = r"#!lua flags=allow-oom
local value = redis.call('GET', KEYS[1])
if value then
  local fence, holder = string.match(value, '^(%d+) (.*)$')
  if holder ~= ARGV[1] then
    return 0
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(fence)
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', math.max(last + 1, now))
redis.call('SET', KEYS[2], fence, 'PX', ARGV[3])
redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[1], 'PX', ARGV[2])
return tonumber(fence)
";

/// Ends a lease, so that another holder need not wait until it expires.
///
/// KEYS: lease. ARGV: holder.
pub(super) const RELEASE: &str = r"#!lua flags=allow-oom
local value = redis.call('GET', KEYS[1])
if value and string.match(value, '^%d+ (.*)$') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
";

/// Notes that a process exists, and forgets those that have not done so for a while. Returns how many exist.
///
/// KEYS: replicas. ARGV: holder, milliseconds.
pub(super) const REPLICAS: &str = r"#!lua flags=allow-oom
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
";

/// Lets everything of a target expire later: it would if no one exported the target any more.
///
/// KEYS: fence, documents, contents, references, version. ARGV: start of the keys of chunks, milliseconds.
pub(super) const RENEW: &str = r"#!lua flags=allow-oom
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[2])
end
for _, chunk in ipairs(redis.call('HKEYS', KEYS[4])) do
  redis.call('PEXPIRE', ARGV[1] .. chunk, ARGV[2])
end
return 1
";

/// The checks and changes of a write: all manifests change, or none. Returns `done`; `fenced` if another
/// replica has had the lease since; `changed` if a manifest is not the expected one; `missing` if a chunk
/// has expired.
///
/// KEYS: fence, documents, contents, references, version. ARGV: fencing token or nothing, start of the keys of
/// chunks, milliseconds until a chunk expires that no manifest names, milliseconds until everything else
/// expires, new version, number of manifests; for each its name, the checksum of the present one or nothing,
/// the new one or nothing, the number of chunks that the new one names, these.
///
/// Which chunks the present manifest names is read from the contents: if it was damaged, it doesn't tell.
///
/// The first command that needs memory is the first one that changes anything: if the memory is full,
/// nothing has changed.
const WRITE: &str = r"
local fence = redis.call('GET', KEYS[1])
if ARGV[1] ~= '' and fence and tonumber(fence) > tonumber(ARGV[1]) then
  return 'fenced'
end
local changes, at = {}, 6
for i = 1, tonumber(ARGV[at]) do
  local change = {name = ARGV[at + 1], present = ARGV[at + 2], new = ARGV[at + 3], chunks = {}}
  for j = 1, tonumber(ARGV[at + 4]) do
    change.chunks[j] = ARGV[at + 4 + j]
  end
  at = at + 4 + #change.chunks
  changes[i] = change
end
for _, change in ipairs(changes) do
  local present = redis.call('HGET', KEYS[2], change.name) or ''
  if string.sub(present, 1, 64) ~= change.present then
    return 'changed'
  end
  for _, chunk in ipairs(change.chunks) do
    if redis.call('HEXISTS', KEYS[4], chunk) == 0 and redis.call('EXISTS', ARGV[2] .. chunk) == 0 then
      return 'missing'
    end
  end
end
for _, change in ipairs(changes) do
  if change.new ~= '' then
    redis.call('HSET', KEYS[2], change.name, change.new)
  end
end
local function count(chunk, by)
  if redis.call('HINCRBY', KEYS[4], chunk, by) > 0 then
    redis.call('PEXPIRE', ARGV[2] .. chunk, ARGV[4])
  else
    redis.call('HDEL', KEYS[4], chunk)
    redis.call('PEXPIRE', ARGV[2] .. chunk, ARGV[3])
  end
end
for _, change in ipairs(changes) do
  for _, chunk in ipairs(change.chunks) do
    count(chunk, 1)
  end
end
for _, change in ipairs(changes) do
  local before = redis.call('HGET', KEYS[3], change.name) or ''
  for chunk in string.gmatch(before, '%S+') do
    count(chunk, -1)
  end
  if change.new ~= '' then
    redis.call('HSET', KEYS[3], change.name, table.concat(change.chunks, ' '))
  else
    redis.call('HDEL', KEYS[2], change.name)
    redis.call('HDEL', KEYS[3], change.name)
  end
end
for i = 2, 4 do
  redis.call('PEXPIRE', KEYS[i], ARGV[4])
end
redis.call('SET', KEYS[5], ARGV[5], 'PX', ARGV[4])
return 'done'
";

/// The script for a write. One that only removes works even if the memory is full.
pub(super) fn write(only_removes: bool) -> String {
    let flags = if only_removes { " flags=allow-oom" } else { "" };
    format!("#!lua{flags}{WRITE}")
}
