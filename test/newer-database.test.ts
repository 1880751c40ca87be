import { Kysely, sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { copyCommand } from '../src/cli/copy.ts';
import { explain } from '../src/cli/explain.ts';
import { mysqlDialect } from '../src/db/mysql.ts';
import { migrateDatabase, openDatabase, planDatabase } from '../src/db/open.ts';
import type { Tables } from '../src/db/schema.ts';
import { sqliteDialect } from '../src/db/sqlite.ts';
import { startApp } from './support/app.ts';
import { engines, freshMysql, freshSqlite } from './support/engines.ts';
import { run } from './support/process.ts';

const COMPATIBLE = '007-nickname-history';
const ALSO = '008-wxuser-phone.needs-006';
const INCOMPATIBLE = '009-wxuser-phone.needs-007';
const SENTENCE =
  /^The database was used by a newer weapp-login: it has the migration.* Install that version again .*\.$/m;

/** Runs a command to its end. */
async function ended(command: readonly string[], url: string) {
  const process = run([...command], { PORT: '0', START_WAIT: '0', DATABASE_URL: url });
  return { code: await process.ended, output: process.output() };
}

/** What the command line says of a failure. */
async function refusedBy(work: Promise<unknown>): Promise<string> {
  return explain(
    await work.then(
      () => 'done',
      (error: unknown) => error,
    ),
  );
}

/** An embedded database of ours, in which a newer version has made these migrations. */
async function newerFile(...names: readonly string[]) {
  const database = await freshSqlite();
  onTestFinished(database.drop);
  await migrateDatabase(database.url);
  const file = database.url.slice('sqlite:'.length);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  await record(db, names);
  await db.destroy();
  return { url: database.url, file };
}

async function record(db: Kysely<Tables>, names: readonly string[]): Promise<void> {
  for (const name of names)
    await sql`INSERT INTO weapp_login_migration (name, timestamp) VALUES (${name}, '2027-01-01T00:00:00.000Z')`.execute(
      db,
    );
}

describe.each(engines)('on $name, a database', ({ fresh }) => {
  /** One of ours, in which a newer version has made these migrations. */
  async function given(...names: readonly string[]) {
    const database = await fresh();
    await migrateDatabase(database.url);
    const { url } = database;
    const isSqlite = url.startsWith('sqlite:');
    const dialect = isSqlite ? sqliteDialect(url.slice('sqlite:'.length)) : mysqlDialect(url);
    const db = new Kysely<Tables>({ dialect });
    await record(db, names);
    onTestFinished(async () => {
      await db.destroy();
      await database.drop();
    });
    return { url, db, database: { url, drop: async () => undefined } };
  }

  test('that a newer version changed beyond this one is refused in one sentence by whatever opens it', async () => {
    const { url } = await given(COMPATIBLE, INCOMPATIBLE);
    for (const open of [openDatabase, migrateDatabase, planDatabase]) {
      const says = await refusedBy(open(url));
      expect(says).toMatch(SENTENCE);
      expect(says).toContain(INCOMPATIBLE);
      expect(says).not.toContain(COMPATIBLE);
    }
  });

  test('that a newer version changed in a way that this one works with is used, and that is said', async () => {
    const { url, database } = await given(COMPATIBLE, ALSO);
    const app = await startApp({ database });
    expect((await app.login()).status).toBe(200);
    const what = `the database was used by a newer version: it has the migrations ${COMPATIBLE}, ${ALSO}, with which this version works`;
    expect(app.log).toContainEqual(expect.objectContaining({ msg: 'migration', what }));
    const said: string[] = [];
    expect(await planDatabase(url, { report: (line) => void said.push(line) })).toEqual([]);
    expect(said).toEqual([what]);
  });

  test('that a newer version changed is not copied, which would leave columns behind', async () => {
    const { url } = await given(COMPATIBLE);
    const target = await freshSqlite();
    onTestFinished(target.drop);
    await migrateDatabase(target.url);
    for (const [from, to] of [
      [url, target.url],
      [target.url, url],
    ] as const)
      expect(await refusedBy(copyCommand(['--from', from, '--to', to]))).toMatch(
        /^The database was used by a newer weapp-login: .* whose data this version would leave behind/,
      );
  });

  test('whose names of migrations this version cannot read is refused', async () => {
    const { url } = await given('2027_everything_new');
    expect(await refusedBy(openDatabase(url))).toMatch(SENTENCE);
  });

  test('that has lost what it knew of its migrations finds out again', async () => {
    const { url, db, database } = await given();
    await sql`DELETE FROM weapp_login_migration WHERE name LIKE '001%' OR name LIKE '004%'`.execute(db);
    await startApp({ database });
    const { rows } = await sql`SELECT name FROM weapp_login_migration`.execute(db);
    expect(rows).toHaveLength(6);
    await sql`DROP TABLE weapp_login_migration`.execute(db);
    await sql`DROP TABLE weapp_login_migration_lock`.execute(db);
    expect((await (await startApp({ database })).login()).status).toBe(200);
    expect(await planDatabase(url)).toEqual([]);
  });

  test('from which somebody took a column or a table of ours is refused by name', async () => {
    const { url, db } = await given();
    await sql`ALTER TABLE wxuser RENAME COLUMN phone TO mobile`.execute(db);
    await sql`ALTER TABLE wxsession RENAME COLUMN device TO DEVICE_`.execute(db);
    await sql`DROP TABLE wxcallback_delivery`.execute(db);
    for (const open of [openDatabase, planDatabase, migrateDatabase])
      expect(await refusedBy(open(url))).toBe(
        'The tables are not as the migrations left them: wxuser has no phone; wxsession has no device; the table wxcallback_delivery is gone. ' +
          'Restore the backup, or put back what is missing, as a new database has it.',
      );
  });

  test.each([
    ['weapp_login_migration', 'id INTEGER'],
    ['weapp_login_migration', 'name VARCHAR(20)'],
    ['weapp_login_migration_lock', 'name VARCHAR(20)'],
  ])('whose %s is damaged (%s) is refused in one sentence', async (table, columns) => {
    const { url, db } = await given();
    await sql.raw(`DROP TABLE ${table}`).execute(db);
    await sql.raw(`CREATE TABLE ${table} (${columns})`).execute(db);
    for (const open of [openDatabase, planDatabase])
      expect(await refusedBy(open(url))).toMatch(
        /^The table weapp_login_migration or .* is damaged \(.*\)\. Stop every instance, drop both, and start again/,
      );
  });
});

test('start, migrate, users and doctor say of a database that is too new what to do, without a trace', async () => {
  const { url } = await newerFile(COMPATIBLE, INCOMPATIBLE);
  const commands = [['start'], ['migrate'], ['migrate', '--dry-run'], ['users', 'x'], ['ban', '1']];
  await Promise.all(
    commands.map(async (command) => {
      const { code, output } = await ended(command, url);
      expect([code, output], command.join(' ')).toEqual([1, expect.stringMatching(SENTENCE)]);
      expect(output).not.toMatch(/^ {4}at /m);
    }),
  );
  const { code, output } = await ended(['doctor'], url);
  expect([code, output]).toEqual([
    1,
    expect.stringMatching(/^problem +database: The database was used by a newer/m),
  ]);
});

test('migrate and doctor say of a database that is newer that this version works with it', async () => {
  const { url } = await newerFile(COMPATIBLE);
  const doctor = await ended(['doctor'], url);
  const warning = /^warning +database: the database was used by a newer version: it has the migration 007/m;
  expect([doctor.code, doctor.output]).toEqual([0, expect.stringMatching(warning)]);
  const migrate = await ended(['migrate'], url);
  const says = /with which this version works\nthe tables are up to date\n$/;
  expect([migrate.code, migrate.output]).toEqual([0, expect.stringMatching(says)]);
});

test('an embedded database of a newer version is backed up whole', async () => {
  const { url, file } = await newerFile(INCOMPATIBLE);
  const backup = `${file}.backup`;
  expect(await ended(['backup', backup], url)).toEqual({ code: 0, output: `backed up to ${backup}\n` });
});

describe.skipIf(!inject('mysqlUrl'))('a user of MySQL without the right to make tables', () => {
  test('is told which right is missing; an up-to-date database needs none', async () => {
    const server = inject('mysqlUrl') ?? '';
    const database = await freshMysql(server);
    const name = new URL(database.url).pathname.slice(1);
    const admin = await createConnection(server);
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.* TO reader@'%' IDENTIFIED BY 'p'`);
    onTestFinished(async () => {
      await admin.query("DROP USER reader@'%'");
      await admin.end();
      await database.drop();
    });
    const url = new URL(database.url);
    [url.username, url.password] = ['reader', 'p'];
    expect(await refusedBy(openDatabase(url.href))).toMatch(
      /^The user of DATABASE_URL lacks a right that migrations need \(CREATE command denied .*\)\. GRANT it/,
    );
    await migrateDatabase(database.url);
    const app = await startApp({ database: { url: url.href, drop: async () => undefined } });
    expect((await app.login()).status).toBe(200);
  });
});
