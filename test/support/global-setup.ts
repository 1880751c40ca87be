import type { TestProject } from 'vitest/node';
import { hasMariaDb, startMariaDb } from './mariadb.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A MySQL server without the database's name; undefined where there is none. */
    mysqlUrl: string | undefined;
  }
}

/** Starts the servers that the tests need, once for all of them; says which suites stay out without one. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const named = process.env['TEST_MYSQL_URL'];
  const mariadb = !named && hasMariaDb() ? await startMariaDb() : undefined;
  const mysqlUrl = named ?? mariadb?.url;
  provide('mysqlUrl', mysqlUrl);

  const missing = mysqlUrl
    ? []
    : [
        'every suite on MySQL (install mariadb-server, or name a server in TEST_MYSQL_URL=mysql://user:password@host/)',
      ];
  if (missing.length > 0 && process.env['REQUIRE_ALL_SUITES']) {
    throw new Error(`REQUIRE_ALL_SUITES is set, but these would be left out: ${missing.join('; ')}`);
  }
  return async () => {
    await mariadb?.stop();
    for (const suite of missing) process.stdout.write(`\nLEFT OUT: ${suite}\n`);
  };
}
