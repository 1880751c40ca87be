import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Place, type Redis, startRedis, startServer } from './redis.ts';
import { until } from './until.ts';

/** A private Redis with a replica, and three sentinels that let the replica take over when the master is dead. */
export interface RedisSentinel {
  /** Names the three sentinels: redis-sentinel://127.0.0.1:s1,127.0.0.1:s2,127.0.0.1:s3/mymaster */
  readonly url: string;
  /** The two with the data; the first begins as master. They keep nothing on disk: a restarted one is empty at first. */
  readonly nodes: readonly Redis[];
  readonly sentinels: readonly Redis[];
  /** Who is master now, as a sentinel that lives sees it. */
  master(): Promise<Redis>;
  /** Waits until every sentinel sees one master with a replica that follows it, and the other sentinels. */
  settles(): Promise<void>;
  /** Ends every server and removes their folders. */
  stop(): Promise<void>;
}

const NAME = 'mymaster';

export async function startSentinel(): Promise<RedisSentinel> {
  const nodes: Redis[] = [];
  const sentinels: Redis[] = [];
  const sentinel: RedisSentinel = {
    get url() {
      return `redis-sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`;
    },
    nodes,
    sentinels,
    async master() {
      const command = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME];
      const says = await Promise.any(sentinels.map((one) => one.cli(...command)));
      const master = nodes.find(({ port }) => says.endsWith(`\n${port}`));
      if (!master) throw new Error(`a sentinel names a stranger as master: ${says}`);
      return master;
    },
    async settles() {
      for (const one of sentinels) await until(`${one.url} sees everybody`, () => seesAll(one));
    },
    async stop() {
      await Promise.all([...sentinels, ...nodes].map((server) => server.stop()));
    },
  };

  try {
    const master = await startRedis();
    nodes.push(master);
    const replica = await startRedis();
    nodes.push(replica);
    // Not an option of the start: as a replica that became master it is to come back as master.
    await replica.cli('REPLICAOF', '127.0.0.1', `${master.port}`);
    await replica.cli('CONFIG', 'REWRITE');
    // A sentinel that finds no replica at first looks again after 10 s only.
    await until('the replica follows', async () =>
      /slave0:.*online/.test(await master.cli('INFO', 'replication')),
    );
    while (sentinels.length < 3) {
      const one = await startServer((place) => sentinelOptions(place, master), 'Sentinel ID is');
      sentinels.push({ ...one, start: () => one.start().then(() => hurry(one)) });
      await hurry(one);
    }
    await sentinel.settles();
  } catch (error) {
    await sentinel.stop();
    throw error;
  }
  return sentinel;
}

/**
 * Lets sentinels find each other and a server that comes back in a second instead of ten; one that was denied the
 * processor for a while does not rest for 30 s. It forgets this when it ends.
 */
async function hurry(sentinel: Redis): Promise<void> {
  const periods = ['publish-period', '200', 'info-period', '500', 'tilt-period', '1000'];
  await sentinel.cli('SENTINEL', 'DEBUG', ...periods);
}

function sentinelOptions({ folder, port }: Place, master: Redis): string[] {
  const config = join(folder, 'sentinel.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${master.port} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 3000`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return [config, '--sentinel'];
}

/** What a sentinel says of a master, a replica or a sentinel: names and values in turn. */
async function seesAll(sentinel: Redis): Promise<boolean> {
  const ask = async (about: string) => sentinel.cli('SENTINEL', about, NAME);
  const [master, replicas, sentinels] = [await ask('MASTER'), await ask('REPLICAS'), await ask('SENTINELS')];
  return (
    /^flags\nmaster$/m.test(master) &&
    /^num-slaves\n1$/m.test(master) &&
    /^num-other-sentinels\n2$/m.test(master) &&
    /^flags\nslave$/m.test(replicas) &&
    /^master-link-status\nok$/m.test(replicas) &&
    sentinels.match(/^flags\nsentinel$/gm)?.length === 2
  );
}
