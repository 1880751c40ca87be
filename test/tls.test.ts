import { sql } from 'kysely';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openDatabase } from '../src/db/open.ts';
import { hasOpenssl, makeCertificates } from './support/certificates.ts';
import { freshMysql } from './support/engines.ts';
import { hasMariaDb, startMariaDb } from './support/mariadb.ts';

/** The cipher of a connection; empty without TLS. */
async function cipherOf(url: string): Promise<string> {
  const { db } = await openDatabase(url);
  const { rows } = await sql<{ Value: string }>`SHOW SESSION STATUS LIKE 'Ssl_cipher'`.execute(db);
  await db.destroy();
  return rows[0]?.Value ?? '';
}

test.skipIf(!hasMariaDb() || !hasOpenssl())(
  'ssl-mode and ssl-ca, against a server with a certificate of its own',
  async () => {
    const { key, cert, ca } = makeCertificates(inject('folder'));
    const mariadb = await startMariaDb([`--ssl-cert=${cert}`, `--ssl-key=${key}`, `--ssl-ca=${ca}`]);
    onTestFinished(mariadb.stop);
    const { url } = await freshMysql(mariadb.url);

    expect(await cipherOf(url)).toBe('');
    expect(await cipherOf(`${url}?ssl-mode=REQUIRED`)).toMatch(/AES|CHACHA/);
    expect(await cipherOf(`${url}?ssl-mode=VERIFY_CA&ssl-ca=${ca}`)).toMatch(/AES|CHACHA/);
    await expect(openDatabase(`${url}?ssl-mode=VERIFY_CA`)).rejects.toMatchObject({
      code: 'database_unavailable',
      reason: expect.stringMatching(/self[- ]signed certificate/),
    });
  },
);
