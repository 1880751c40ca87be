import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openDatabase } from '../src/db/open.ts';
import { freshMysql } from './support/engines.ts';
import { hasMariaDb, startMariaDb } from './support/mariadb.ts';

/** The cipher of a connection; empty without TLS. */
async function cipherOf(url: string): Promise<string> {
  const { db } = await openDatabase(url);
  const { rows } = await sql<{ Value: string }>`SHOW SESSION STATUS LIKE 'Ssl_cipher'`.execute(db);
  await db.destroy();
  return rows[0]?.Value ?? '';
}

test.skipIf(!hasMariaDb())(
  'ssl-mode and ssl-ca, against a server with a certificate of its own',
  async () => {
    const folder = inject('folder');
    const [key, certificate] = [join(folder, 'tls-key.pem'), join(folder, 'tls-cert.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    const mariadb = await startMariaDb([
      `--ssl-cert=${certificate}`,
      `--ssl-key=${key}`,
      `--ssl-ca=${certificate}`,
    ]);
    onTestFinished(mariadb.stop);
    const { url } = await freshMysql(mariadb.url);

    expect(await cipherOf(url)).toBe('');
    expect(await cipherOf(`${url}?ssl-mode=REQUIRED`)).toMatch(/AES|CHACHA/);
    expect(await cipherOf(`${url}?ssl-mode=VERIFY_CA&ssl-ca=${certificate}`)).toMatch(/AES|CHACHA/);
    await expect(openDatabase(`${url}?ssl-mode=VERIFY_CA`)).rejects.toMatchObject({
      code: 'database_unavailable',
      reason: expect.stringMatching(/self[- ]signed certificate/),
    });
  },
);
