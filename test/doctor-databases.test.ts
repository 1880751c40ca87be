import { readFileSync } from 'node:fs';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findingsOf } from '../src/cli/doctor.ts';
import { loadConfig } from '../src/config.ts';
import { migrateDatabase } from '../src/db/open.ts';
import { hasMariaDb, startMariaDb } from './support/mariadb.ts';

/** A server or a table as people have it: the statements that make it so. */
interface Case {
  /** The first cell of its row in docs/databases.md. */
  readonly name: string;
  /** For the administrator; a `SET GLOBAL` is taken back. */
  readonly server?: readonly string[];
  /** Whether our tables are there; otherwise the database is empty. */
  readonly ours?: true;
  /** In the database. */
  readonly tables?: readonly string[];
  /** Connections that others of this user have. */
  readonly others?: number;
  readonly password?: string;
}

const ADA = 'oGZUI0egBJY1zhBYw2KhdUfwVJJE';
const BOB = 'oGZUI0egBJY1zhBYw2KhdUfwVJJF';
const tutorial = (more: string, ada = '', bob = ada, id: string | number = 1) => [
  `CREATE TABLE wxuser (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(255), nickName VARCHAR(255)${more && `, ${more}`}) CHARSET utf8`,
  `INSERT INTO wxuser VALUES (${id}, '${ADA}', 'Ada'${ada}), (${id} + 1, '${BOB}', 'Bob'${bob})`,
];
const migration = (name: string) =>
  `INSERT INTO weapp_login_migration (name, timestamp) VALUES ('${name}', '2027-01-01T00:00:00.000Z')`;

const CASES: readonly Case[] = [
  { name: '`autocommit=0`', server: ['SET GLOBAL autocommit = 0'] },
  { name: "`init_connect='SET NAMES gbk'`", server: ["SET GLOBAL init_connect = 'SET NAMES gbk'"] },
  { name: '`sql_safe_updates=1`', server: ['SET GLOBAL sql_safe_updates = 1'] },
  { name: '`sql_mode=ORACLE`', server: ["SET GLOBAL sql_mode = 'ORACLE'"] },
  { name: '`completion_type=CHAIN`', server: ["SET GLOBAL completion_type = 'CHAIN'"] },
  { name: 'an `init_connect` that fails', server: ["SET GLOBAL init_connect = 'SET nothing = 1'"] },
  { name: '`read_only=1`', server: ['SET GLOBAL read_only = 1'] },
  { name: 'another password', password: 'another' },
  {
    name: '`MAX_USER_CONNECTIONS 5`',
    server: ["GRANT USAGE ON *.* TO plain@'%' WITH MAX_USER_CONNECTIONS 5"],
  },
  {
    name: '`MAX_USER_CONNECTIONS 5`, and others have all of them',
    server: ["GRANT USAGE ON *.* TO plain@'%' WITH MAX_USER_CONNECTIONS 5"],
    others: 5,
  },
  {
    name: 'a newer version has changed the tables',
    ours: true,
    tables: [migration('009-wxuser-phone.needs-007')],
  },
  {
    name: 'a newer version has only added to them',
    ours: true,
    tables: [migration('007-nickname-history')],
  },
  { name: 'a table of ours was dropped', ours: true, tables: ['DROP TABLE wxsession'] },
  { name: 'a column of ours was dropped', ours: true, tables: ['ALTER TABLE wxuser DROP COLUMN phone'] },
  {
    name: '`created_at DATETIME NOT NULL`, empty',
    tables: tutorial('created_at DATETIME NOT NULL').slice(0, 1),
  },
  {
    name: '`created_at DATETIME` with times',
    tables: tutorial('created_at DATETIME NOT NULL', ", '2021-01-01 08:00:00'"),
  },
  {
    name: '`createdAt DATETIME NOT NULL`',
    tables: tutorial('createdAt DATETIME NOT NULL', ", '2021-01-01'"),
  },
  { name: '`mobile VARCHAR(20) NOT NULL`', tables: tutorial('mobile VARCHAR(20) NOT NULL', ", '1'") },
  { name: '`0000-00-00`, `2020-00-00`', tables: tutorial('updated_at TIMESTAMP NULL', ", '0000-00-00'") },
  { name: 'a snowflake `id`', tables: tutorial('', '', '', '1583264823746281472') },
  {
    name: '`phone VARCHAR(20) NOT NULL UNIQUE`',
    tables: tutorial('phone VARCHAR(20) NOT NULL UNIQUE', ", '1'", ", '2'"),
  },
  { name: "`gender ENUM('0','1','2')`", tables: tutorial("gender ENUM('0','1','2')", ", '1'", ", '2'") },
  { name: "`gender ENUM('男','女')`", tables: tutorial("gender ENUM('男','女')", ", '男'", ", '女'") },
  {
    name: 'a foreign key on `user_id`',
    tables: [
      ...tutorial('UNIQUE (user_id)'),
      'CREATE TABLE orders (openid VARCHAR(255), CONSTRAINT buyer FOREIGN KEY (openid) REFERENCES wxuser (user_id)) CHARSET utf8',
    ],
  },
  {
    name: '`PARTITION BY`',
    tables: tutorial('').map((sql) =>
      sql.startsWith('CREATE') ? `${sql} PARTITION BY HASH (id) PARTITIONS 4` : sql,
    ),
  },
  {
    name: '`nickName JSON`',
    tables: ['CREATE TABLE wxuser (id INT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64), nickName JSON)'],
  },
  { name: "`status CHAR(1) DEFAULT '0'`", tables: tutorial("status CHAR(1) DEFAULT '0'", ", '0'") },
  {
    name: '`update_time … ON UPDATE CURRENT_TIMESTAMP`',
    tables: tutorial(
      'update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
      ", '2021-01-01'",
    ),
  },
  {
    name: 'a trigger',
    tables: [
      ...tutorial(''),
      "CREATE TRIGGER trim_it BEFORE UPDATE ON wxuser FOR EACH ROW SET NEW.nickName = 'x'",
    ],
  },
];

describe.skipIf(!hasMariaDb())('what the doctor says of a database', () => {
  let url: string;
  let admin: Connection;

  beforeAll(async () => {
    const server = await startMariaDb();
    url = server.url;
    admin = await createConnection({ uri: url, multipleStatements: true });
    await admin.query("SET sql_mode = ''");
    await admin.query("CREATE USER plain@'%' IDENTIFIED BY 'a-long-password'");
    return async () => {
      await admin.end();
      await server.stop();
    };
  });

  test.each(CASES)('$name', async ({ name, server = [], ours, tables = [], others = 0, password }) => {
    const database = new URL('d', url);
    await admin.query('DROP DATABASE IF EXISTS d; CREATE DATABASE d; USE d');
    await admin.query(
      "GRANT ALL ON d.* TO plain@'%'; GRANT USAGE ON *.* TO plain@'%' WITH MAX_USER_CONNECTIONS 0",
    );
    [database.username, database.password] = ['plain', 'a-long-password'];
    if (ours) await migrateDatabase(database.href);
    for (const sql of tables) await admin.query(sql);
    for (const sql of server) await settle(sql);
    for (let i = 0; i < others; i += 1) {
      const other = await createConnection(database.href);
      onTestFinished(() => other.end());
    }
    database.password = password ?? database.password;

    const findings = await findingsOf('database', loadConfig({ DATABASE_URL: database.href }));
    const said = findings.map(({ level, says, todo }) => `${level}: ${says}${todo ? ` → ${todo}` : ''}`);
    // Who changes a sentence finds it in the table.
    expect(said.join('\n')).toMatch(documented(name));
  });

  test('every row of the table is tried', () => {
    expect([...rows().keys()]).toEqual(CASES.map(({ name }) => name));
  });

  /** Sets something of the server until the test is over. */
  async function settle(sql: string): Promise<void> {
    const variable = /^SET GLOBAL (\w+)/.exec(sql)?.[1];
    if (variable !== undefined) {
      const [found] = await admin.query<RowDataPacket[]>(`SELECT @@GLOBAL.${variable} AS value`);
      const value = found[0]?.['value'] as unknown;
      onTestFinished(async () => void (await admin.query(`SET GLOBAL ${variable} = ?`, [value])));
    }
    await admin.query(sql);
  }
});

/** The table of docs/databases.md: what is said, by the server or table of which it is. */
function rows(): ReadonlyMap<string, string> {
  const [, section = ''] = readFileSync('docs/databases.md', 'utf8').split('\n## What the doctor says\n');
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| '));
  return new Map(
    lines.slice(1).map((line) => {
      const [name = '', says = ''] = line.slice(2, -2).split(' | ');
      return [name, says] as const;
    }),
  );
}

/** What a row says; `…` stands for any text of one line. */
function documented(name: string): RegExp {
  const says =
    rows()
      .get(name)
      ?.replace(/ \([^)`]*\)$/, '')
      .replace(/^`+| ?`+$/g, '') ?? 'nothing in docs/databases.md';
  const parts = says.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.*'));
}
