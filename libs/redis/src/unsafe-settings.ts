/**
 * What makes a Redis unfit to hold one-time tokens and counters: without AOF a restart brings old data back, with
 * an eviction policy a counter may vanish under memory pressure.
 *
 * @param info the answer to INFO (CONFIG GET is forbidden on many managed servers)
 * @returns one clause per problem; none = fit
 */
export function unsafeSettings(info: string): string[] {
  const settings = new Map(info.split('\r\n').map((line) => splitOnce(line)));
  const problems = [];
  if (settings.get('aof_enabled') !== '1') problems.push('appendonly is not on');
  const policy = settings.get('maxmemory_policy');
  if (policy !== 'noeviction') problems.push(`maxmemory-policy is ${policy ?? 'unknown'} instead of noeviction`);
  return problems;
}

function splitOnce(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1)];
}
