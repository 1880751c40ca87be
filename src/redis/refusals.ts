/** A server that answers, and refuses only what is to be written: what it holds can be read. */
export function refusesWrites({ message }: Error): boolean {
  return /^(?:READONLY|MISCONF|NOREPLICAS|OOM|NOPERM)\b/.test(message);
}

/** A replica: the master may be elsewhere, and may know more. */
export function isReplica(cause: Error | undefined): boolean {
  return /^READONLY\b/.test(cause?.message ?? '');
}

/** The one master, which cannot save what it is told. */
export function cannotSave({ message }: Error): boolean {
  return /^MISCONF\b/.test(message);
}

/** The server, or a proxy before it, never does that for us. */
export function neverDoes({ message }: Error): boolean {
  return /^NOPERM\b|unknown command|not (?:supported|support|allowed)\b|unsupported|disabled/i.test(message);
}

/** What to do about a Redis that cannot be used, by what it says. */
const NEXT_STEPS: readonly [RegExp, string][] = [
  [/'auth' command/i, 'A server before 6.0 knows no users: write redis://:password@host.'],
  [
    /WRONGPASS|NOAUTH|invalid password|ERR AUTH|without any password/,
    'Compare the user and the password in REDIS_URL with those of the server.',
  ],
  [/NOPERM/, 'Allow the user of REDIS_URL the commands, keys and channels of docs/redis.md (ACL SETUSER).'],
  [
    /MISCONF/,
    'Redis could not save to its disk, and takes nothing new until it can: make room, or let it write its folder (CONFIG GET dir); its own log has the cause.',
  ],
  [
    /\bOOM\b/,
    'Redis is full: give it more memory (maxmemory), or let it drop keys (maxmemory-policy volatile-ttl).',
  ],
  [/READONLY/, 'REDIS_URL leads to a replica: name the master, or its Sentinels (redis-sentinel://).'],
  [/NOREPLICAS/, 'The master has fewer replicas than min-replicas-to-write: start them, or lower it.'],
  [/MASTERDOWN/, 'It is a replica that has lost its master: name the master, or its Sentinels.'],
  [/LOADING/, 'Redis is reading its data from the disk: wait until that is done.'],
  [/CLUSTERDOWN/, 'A part of the Cluster has no master: redis-cli --cluster check.'],
  [/MOVED|ASK /, 'It is a node of a Cluster: write redis-cluster://.'],
  [/cluster support disabled/, 'It is no Cluster: write redis:// for one server.'],
  [
    /unknown command|not (?:supported|support|allowed)\b|unsupported|disabled/i,
    'It, or a proxy before it, lacks a command that is needed (docs/redis.md): name a whole Redis, or leave REDIS_URL out.',
  ],
];

/** None for one that does not answer. */
export function redisNextStep(reason: string): string | undefined {
  return NEXT_STEPS.find(([says]) => says.test(reason))?.[1];
}
