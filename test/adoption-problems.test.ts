import { createConnection } from 'mysql2/promise';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TablesError } from '../src/db/adoption/problem.ts';
import { migrateDatabase, openDatabase, planDatabase } from '../src/db/open.ts';
import { createUsers } from '../src/db/users.ts';
import { adoptionServers, openWorkshop, readBefore } from './support/adopted.ts';
import { APPID, realSettings, startApp } from './support/app.ts';
import { freshSqlite } from './support/engines.ts';
import { run } from './support/process.ts';
import { json } from './support/wechat.ts';

const ADA = 'oGZUI0egBJY1zhBYw2KhdUfwVJJE';
const BOB = 'oGZUI0egBJY1zhBYw2KhdUfwVJJF';
const BASE = 'id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(255), nickName VARCHAR(255)';

/** The tutorial's table with more in it, and two users. */
const table = (more: string, values: readonly [string, string] = ['', ''], options = '') => {
  const names = [...more.matchAll(/(?:^|, )(\w+) (?!KEY|INDEX)/g)].map(([, name]) => name);
  const given =
    values[0] === '' ? [] : names.filter((name) => !/^(?:UNIQUE|CHECK|KEY|CONSTRAINT)$/.test(name ?? ''));
  const row = (openid: string, cells: string) => `('${openid}'${cells && `, ${cells}`})`;
  return [
    `CREATE TABLE wxuser (${BASE}${more && `, ${more}`}) CHARSET utf8 ${options}`,
    `INSERT INTO wxuser (${['user_id', ...given].join(', ')}) VALUES ${row(ADA, values[0])}, ${row(BOB, values[1])}`,
  ];
};

interface Refused {
  readonly name: string;
  readonly sql: readonly string[];
  readonly says: RegExp;
  /** DB_TIMEZONE */
  readonly timezone?: string;
  /** What is there once the helps were used and the table was taken over: a SELECT, and its second column. */
  readonly after?: readonly [sql: string, values: readonly string[]];
  /** On MariaDB alone, which has what this is about. */
  readonly mariadb?: true;
}

const REFUSED: readonly Refused[] = [
  {
    name: 'an own time NOT NULL without a default',
    sql: table('createdAt DATETIME NOT NULL', ["'2021-01-01'", "'2021-01-02'"]),
    says: /createdAt datetime NOT NULL: it has no default, so every new user would be refused\n +ALTER TABLE wxuser MODIFY `createdAt` datetime NULL;/,
  },
  {
    name: 'an own text NOT NULL without a default, unique',
    sql: table('mobile VARCHAR(20) NOT NULL UNIQUE', ["'1'", "'2'"]),
    says: /mobile varchar\(20\) NOT NULL: it has no default/,
  },
  {
    name: 'an own primary key without a default',
    sql: [
      'CREATE TABLE wxuser (uuid CHAR(36) NOT NULL PRIMARY KEY, user_id VARCHAR(64))',
      `INSERT INTO wxuser VALUES ('a', '${ADA}')`,
    ],
    says: /uuid char\(36\) NOT NULL: it has no default.*\n.*DROP PRIMARY KEY, ADD UNIQUE KEY \(`uuid`\)/,
  },
  {
    name: 'a phone NOT NULL and unique',
    sql: table('phone VARCHAR(20) NOT NULL UNIQUE', ["'13800138000'", "'13800138001'"]),
    says: /UNIQUE KEY phone \(`phone`\): users may have the same there.*\n +ALTER TABLE wxuser DROP INDEX `phone`, ADD INDEX \(`phone`\);/,
  },
  {
    name: 'a unique name',
    sql: table('UNIQUE (nickName)'),
    says: /UNIQUE KEY nickName \(`nickName`\): users may have the same there/,
  },
  {
    name: 'an own unique text with a default',
    sql: table("invite CHAR(8) NOT NULL DEFAULT '' UNIQUE", ["'a'", "'b'"]),
    says: /UNIQUE KEY invite \(`invite`\): new users have the same there/,
  },
  {
    name: 'a unique beginning of the openid',
    sql: [
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64), UNIQUE KEY start (user_id(8)))',
      `INSERT INTO wxuser (user_id) VALUES ('${ADA}')`,
    ],
    says: /UNIQUE KEY start \(`user_id`\(8\)\): users may have the same there/,
  },
  {
    name: 'a gender of words in an ENUM',
    sql: table("gender ENUM('男','女')", ["'男'", "'女'"]),
    says: /gender enum\('男','女'\).*: here it is 0 \(unknown\), 1 \(male\) or 2 \(female\), not 男, 女\n +ALTER TABLE .*\n +UPDATE .*WHEN '男' THEN '1' WHEN '女' THEN '2'/,
  },
  {
    name: 'a gender of words in a text',
    sql: table('gender VARCHAR(10)', ["'male'", 'NULL']),
    says: /gender varchar\(10\).* not male\n/,
  },
  {
    name: 'a gender of one bit',
    sql: table('gender BIT(1)', ['1', '0']),
    says: /gender bit\(1\).*\n +ALTER TABLE wxuser MODIFY `gender` TINYINT NULL DEFAULT 0;/,
  },
  {
    name: 'a status of another meaning',
    sql: table("status CHAR(1) DEFAULT '0'", ["'0'", "'1'"]),
    says: /status char\(1\) DEFAULT '0': here a column of this name is 'active'.*Every user becomes active: .* weapp-login ban <id>\n +ALTER TABLE wxuser CHANGE `status` `status_old` char\(1\)/,
  },
  {
    name: 'a status with banned users and a third word',
    sql: table("status ENUM('active','banned','deleted') NOT NULL", ["'banned'", "'deleted'"]),
    says: /status enum.*Every other user becomes active.*\n +ALTER TABLE .*, ADD COLUMN status .*\n +UPDATE wxuser SET `status` = 'banned' WHERE LOWER\(TRIM\(`status_old`\)\) = 'banned';/,
    after: ['SELECT id, status FROM wxuser ORDER BY id', ['banned', 'active']],
  },
  {
    name: 'a primary key of two own columns without defaults',
    sql: [
      'CREATE TABLE wxuser (tenant INT NOT NULL, uid INT NOT NULL, user_id VARCHAR(64), PRIMARY KEY (tenant, uid))',
      `INSERT INTO wxuser VALUES (1, 1, '${ADA}')`,
    ],
    says: /tenant int\(\d+\) NOT NULL: it has no default.*\n +ALTER .*\n- uid int\(\d+\) NOT NULL: it has no default.*\n(?! )/,
  },
  {
    name: 'a place NOT NULL with a SPATIAL key',
    sql: [`CREATE TABLE wxuser (${BASE}, place POINT NOT NULL, SPATIAL KEY near (place)) ENGINE=MyISAM`],
    says: /place point NOT NULL.*\n +ALTER TABLE wxuser DROP INDEX `near`, MODIFY `place` point NULL;/,
  },
  {
    name: 'a small id with a comment, and a foreign key on it',
    sql: [
      "CREATE TABLE wxuser (id SMALLINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'No.', user_id VARCHAR(64))",
      'CREATE TABLE orders (wxuser_id SMALLINT, CONSTRAINT buyer FOREIGN KEY (wxuser_id) REFERENCES wxuser (id))',
    ],
    says: /FOREIGN KEY buyer of orders.*MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'No.';/s,
  },
  {
    name: 'a unique key with an appid that is NULL in two rows of a user',
    sql: table('appid VARCHAR(32), UNIQUE KEY app (appid, user_id)').flatMap((sql) =>
      sql.startsWith('CREATE') ? [sql] : [sql, sql],
    ),
    says: /appid .* it is NULL in 4 rows.*\n +ALTER TABLE wxuser DROP INDEX `app`.*\n +UPDATE/,
    after: ['SELECT id, user_id AS openid FROM wxuser ORDER BY id', [ADA, BOB]],
  },
  {
    name: 'a CHECK with a quote in its name',
    sql: table('gender INT, CONSTRAINT `a``b` CHECK (gender IN (1, 2))', ['1', '2']),
    says: /DROP CONSTRAINT `a``b`;/,
    mariadb: true,
  },
  {
    name: 'columns computed from an altered one, and from each other, with a CHECK',
    sql: [
      `CREATE TABLE wxuser (${BASE}, short VARCHAR(9) AS (LEFT(user_id, 8)) VIRTUAL, shorter VARCHAR(9) AS (LEFT(short, 4)) VIRTUAL, CONSTRAINT some CHECK (shorter <> 'x'))`,
    ],
    says: /DROP CONSTRAINT `some`, DROP COLUMN `short`, DROP COLUMN `shorter`;/,
    mariadb: true,
  },
  {
    name: 'a gender of words with blanks',
    sql: table('gender VARCHAR(10)', ["' 男 '", "'Female '"]),
    says: /gender varchar\(10\)/,
    after: ['SELECT id, gender FROM wxuser ORDER BY id', ['1', '2']],
  },
  {
    name: 'an openid of bytes, filled up with zeros',
    sql: [
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id BINARY(40))',
      `INSERT INTO wxuser (user_id) VALUES ('${ADA}'), ('${BOB}')`,
    ],
    says: /user_id binary\(40\)/,
    after: ['SELECT id, user_id AS openid FROM wxuser ORDER BY id', [ADA, BOB]],
  },
  {
    name: 'a foreign key of the table on itself, with rows that would be merged',
    sql: [
      `CREATE TABLE wxuser (${BASE}, inviter INT, CONSTRAINT invited FOREIGN KEY (inviter) REFERENCES wxuser (id) ON DELETE CASCADE)`,
      `INSERT INTO wxuser (user_id, inviter) VALUES ('${ADA}', NULL), ('${ADA}', NULL), ('${BOB}', 2)`,
    ],
    says: /FOREIGN KEY invited of wxuser \(inviter\) on wxuser \(id\): 2 rows have the openid of another.*\n.* DROP FOREIGN KEY `invited`;/,
  },
  ...['weapp_openid', 'routine_openid', 'my_open_id', 'account'].map((name) => ({
    name: `openids in ${name}`,
    sql: [
      `CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id CHAR(36), ${name} VARCHAR(64), union_id VARCHAR(64))`,
      `INSERT INTO wxuser (user_id, ${name}, union_id) VALUES (UUID(), '${ADA}', '${BOB}'), (UUID(), '${BOB}', '${ADA}')`,
    ],
    says: /user_id: it would be taken for the openid.*\n +ALTER TABLE wxuser CHANGE `user_id` `user_id_old`.*, CHANGE `\w+` `user_id`/,
    after: ['SELECT id, user_id AS openid FROM wxuser ORDER BY id', [ADA, BOB]] as const,
  })),
  {
    name: 'an own unique column whose type, default and comment have words of SQL in them',
    sql: [
      ...table(
        "kind SET('x','y NOT NULL') NOT NULL COMMENT 'kind, DEFAULT none ON UPDATE CURRENT_TIMESTAMP', bit BIT(1) NOT NULL DEFAULT b'0' UNIQUE, minus INT NOT NULL DEFAULT -1 UNIQUE, said VARCHAR(9) UNIQUE COMMENT 'no DEFAULT value'",
      ).slice(0, 1),
      `INSERT INTO wxuser (user_id, kind, bit, minus) VALUES ('${ADA}', 'x', b'0', 1), ('${BOB}', 'y NOT NULL', b'1', 2)`,
    ],
    says: /(?=.*?MODIFY `kind` set\('x','y NOT NULL'\) NULL COMMENT 'kind, DEFAULT none ON UPDATE CURRENT_TIMESTAMP')(?=.*MODIFY `bit` bit\(1\) NULL;)(?=.*MODIFY `minus` int\(\d+\) NULL;)(?!.*said)/s,
  },
  {
    name: 'a foreign key on the openid',
    sql: [
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64) NOT NULL UNIQUE) CHARSET utf8',
      `INSERT INTO wxuser (user_id) VALUES ('${ADA}')`,
      'CREATE TABLE orders (openid VARCHAR(64), CONSTRAINT buyer FOREIGN KEY (openid) REFERENCES wxuser (user_id)) CHARSET utf8',
      `INSERT INTO orders VALUES ('${ADA}')`,
    ],
    says: /FOREIGN KEY buyer of orders \(openid\) on wxuser \(user_id\): user_id must be altered.*\n +ALTER TABLE `orders` DROP FOREIGN KEY `buyer`;/,
  },
  {
    name: 'a foreign key on rows that would be merged, and its rows deleted with them',
    sql: [
      ...table(''),
      `INSERT INTO wxuser (user_id) VALUES ('${ADA}')`,
      'CREATE TABLE orders (wxuser_id INT, CONSTRAINT buyer FOREIGN KEY (wxuser_id) REFERENCES wxuser (id) ON DELETE CASCADE)',
      'INSERT INTO orders SELECT id FROM wxuser',
    ],
    says: /FOREIGN KEY buyer of orders.*: 2 rows have the openid of another and are merged with it/,
  },
  {
    name: 'a foreign key whose default is not there',
    sql: [
      'CREATE TABLE levels (id INT PRIMARY KEY)',
      'INSERT INTO levels VALUES (5)',
      ...table(
        'level INT NOT NULL DEFAULT 1, CONSTRAINT has FOREIGN KEY (level) REFERENCES levels (id)',
      ).slice(0, 1),
    ],
    says: /FOREIGN KEY has of wxuser \(level\) on levels \(id\): its default is not in levels/,
  },
  {
    name: 'a table with partitions',
    sql: table('', ['', ''], 'PARTITION BY HASH (id) PARTITIONS 4'),
    says: /PARTITION BY: a table with partitions takes no unique key.*\n +ALTER TABLE wxuser REMOVE PARTITIONING;/,
  },
  {
    name: 'a name that is a JSON',
    sql: [
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64), nickName JSON)',
      `INSERT INTO wxuser (user_id, nickName) VALUES ('${ADA}', '"Ada"')`,
    ],
    says: /nickName longtext.* may not pass its CHECK\n +ALTER TABLE .*\n +UPDATE .*JSON_UNQUOTE/,
    mariadb: true,
  },
  {
    name: 'a CHECK on what we write',
    sql: table('gender INT, CONSTRAINT known CHECK (gender IN (1, 2))', ['1', '2']),
    says: /may not pass the CHECK known\n +ALTER TABLE wxuser DROP CONSTRAINT `known`;/,
    mariadb: true,
  },
  {
    name: 'a computed column of our name',
    sql: table("phone VARCHAR(20) AS (CONCAT('1', id)) VIRTUAL"),
    says: /phone varchar\(20\).*: it is computed/,
    mariadb: true,
  },
  {
    name: 'a trigger',
    sql: [
      ...table('touched DATETIME'),
      'CREATE TRIGGER touch BEFORE UPDATE ON wxuser FOR EACH ROW SET NEW.touched = NOW()',
    ],
    says: /TRIGGER touch \(BEFORE UPDATE\): it would run for every row.*\n +DROP TRIGGER `touch`;/,
  },
  {
    name: 'a column that counts up and is not the id',
    sql: [
      'CREATE TABLE wxuser (uid INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64))',
      `INSERT INTO wxuser (uid, user_id) VALUES (7, '${ADA}')`,
    ],
    says: /uid int\(11\) NOT NULL AUTO_INCREMENT: it counts up by itself.*\n +ALTER TABLE wxuser CHANGE `uid` `id` int/,
  },
  {
    name: 'openids in another column',
    sql: [
      'CREATE TABLE wxuser (user_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, openid VARCHAR(64))',
      `INSERT INTO wxuser (openid) VALUES ('${ADA}')`,
    ],
    says: /user_id: it would be taken for the openid, but the openids seem to be in openid\n +ALTER TABLE wxuser CHANGE `user_id` `id`.*, CHANGE `openid` `user_id`/,
  },
  {
    name: 'empty openids',
    sql: [...table(''), "INSERT INTO wxuser (user_id) VALUES (''), ('')"],
    says: /user_id .*: it is empty in 2 rows, which would be merged as if they were one user/,
  },
  {
    name: 'an appid that is NULL',
    sql: table('appid VARCHAR(32)', ['NULL', `'${APPID}'`]),
    says: /appid varchar\(32\) .*: it is NULL in 1 rows/,
  },
  {
    name: 'a key with our name on another column',
    sql: table('KEY wxuser_unionid (nickName)'),
    says: /KEY wxuser_unionid \(`nickName`\): a key of this name must be on unionid/,
  },
  {
    name: 'a full-text key on columns of which one is altered',
    sql: table('bio VARCHAR(255), FULLTEXT KEY words (nickName, bio)'),
    says: /FULLTEXT KEY words \(`nickName`, `bio`\): nickName must be altered.*\n +ALTER TABLE wxuser DROP INDEX `words`;/,
  },
  {
    name: 'a default that is no moment in the time zone',
    timezone: '+08:00',
    sql: table("created_at DATETIME NOT NULL DEFAULT '1970-01-01 08:00:00'", [
      "'2021-01-01'",
      "'2021-01-02'",
    ]),
    says: /created_at datetime .*: its default cannot be in a TIMESTAMP.*\n +ALTER TABLE wxuser MODIFY `created_at` datetime NULL;/,
  },
  {
    name: 'a day that no month has',
    timezone: '+08:00',
    sql: [
      "SET sql_mode = 'ALLOW_INVALID_DATES'",
      ...table('created_at DATETIME NOT NULL', ["'2021-02-31'", "'2021-02-28 23:00:00'"]),
      "SET sql_mode = ''",
    ],
    says: /created_at datetime NOT NULL: 1 of its times cannot be in a TIMESTAMP/,
  },
  {
    name: 'a day that no month has, in rows that are merged',
    sql: [
      "SET sql_mode = 'ALLOW_INVALID_DATES'",
      ...table('birthday DATE NOT NULL', ["'2021-02-31'", "'2020-00-00'"]),
      `INSERT INTO wxuser (user_id, birthday) VALUES ('${ADA}', '2021-04-31')`,
      "SET sql_mode = ''",
    ],
    says: /birthday date NOT NULL: 2 of its days are in no calendar/,
  },
  {
    name: 'openids that a unique key holds apart by trailing blanks',
    sql: [
      'CREATE TABLE wxuser (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(255) COLLATE utf8mb4_general_nopad_ci, remark VARCHAR(9), UNIQUE KEY one (user_id)) CHARSET utf8mb4',
      `INSERT INTO wxuser (user_id) VALUES ('${ADA}'), ('${ADA} '), ('${BOB}')`,
    ],
    says: /UNIQUE KEY one \(`user_id`\): 2 rows differ in trailing blanks only.*\n +ALTER TABLE wxuser DROP INDEX `one`, ADD INDEX \(`user_id`\);/,
    mariadb: true,
  },
  {
    name: 'ids that have been counted up to the end',
    sql: table('', ['', ''], 'AUTO_INCREMENT=2147483646').toSpliced(1, 1),
    says: /id int\(11\) NOT NULL AUTO_INCREMENT: it has room for 2 more users\n +ALTER TABLE wxuser MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT;/,
  },
  {
    name: 'another table of our name',
    sql: [...table(''), 'CREATE TABLE wxsession (id INT PRIMARY KEY, data TEXT)'],
    says: /the table wxsession: it has the name of a table of ours, and no sid, .*\n +ALTER TABLE wxsession RENAME TO wxsession_old;/,
  },
  {
    name: 'a table whose name differs in case',
    sql: table('').map((sql) => sql.replace('wxuser', 'WxUser')),
    says: /WxUser: to this server wxuser is another table.*\n +RENAME TABLE `WxUser` TO wxuser;/,
  },
];

interface Taken {
  readonly name: string;
  readonly sql: readonly string[];
  readonly mariadb?: true;
}

const TAKEN: readonly Taken[] = [
  {
    name: 'our times NOT NULL without a default, dates of zeros in ours and in own ones',
    sql: table('created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, birthday DATE', [
      "'0000-00-00', '2020-00-00', '0000-00-00'",
      "'2020-00-00', '0000-00-00', '2020-00-00'",
    ]),
  },
  {
    name: 'times that every UPDATE sets; a gender that is an ENUM of our numbers',
    sql: table(
      "gender ENUM('0','1','2'), created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, update_time DATETIME NULL ON UPDATE CURRENT_TIMESTAMP",
      ["'2', '2020-01-02 03:04:05', '2020-01-02 03:04:05'", "'1', '2020-01-02 03:04:06', NULL"],
    ),
  },
  {
    name: 'short texts of ours, NOT NULL; an ENUM without 0; own columns with our kind of names',
    sql: table(
      "gender ENUM('1','2') NOT NULL, phone VARCHAR(11) NOT NULL, unionid CHAR(28) NOT NULL, avatar TINYTEXT NOT NULL, is_deleted TINYINT(1) NOT NULL DEFAULT 0, role ENUM('user','admin') NOT NULL, token VARCHAR(255), session_key VARCHAR(64) NOT NULL DEFAULT '', createTime DATETIME DEFAULT CURRENT_TIMESTAMP",
      [
        `'2', '13800138000', '${ADA}', '', 0, 'admin', 't', '', '2020-01-01'`,
        "'1', '', '', 'https://a.example/1.png', 1, 'user', NULL, 'k', NULL",
      ],
    ),
  },
  {
    name: 'full-text keys of one collation',
    sql: table(
      'avatar VARCHAR(255), bio TEXT, FULLTEXT KEY words (nickName, avatar), FULLTEXT KEY openids (user_id), FULLTEXT (bio)',
    ),
  },
  {
    name: 'a foreign key of the app on the id, and one of wxuser on another table',
    sql: [
      'CREATE TABLE levels (id INT PRIMARY KEY)',
      'INSERT INTO levels VALUES (1)',
      ...table('level INT NOT NULL DEFAULT 1, FOREIGN KEY (level) REFERENCES levels (id)').slice(0, 1),
      `INSERT INTO wxuser (user_id) VALUES ('${ADA}')`,
      'CREATE TABLE orders (wxuser_id INT, FOREIGN KEY (wxuser_id) REFERENCES wxuser (id))',
      'INSERT INTO orders SELECT id FROM wxuser',
    ],
  },
  {
    name: 'a foreign key whose default has a quote',
    sql: [
      'CREATE TABLE levels (name VARCHAR(9) PRIMARY KEY) CHARSET utf8',
      "INSERT INTO levels VALUES ('it''s')",
      ...table("level VARCHAR(9) DEFAULT 'it''s', FOREIGN KEY (level) REFERENCES levels (name)"),
    ],
  },
  {
    name: 'rows that are merged: a computed column, an invisible one, a FLOAT',
    sql: [
      ...table('score FLOAT, twice FLOAT AS (score * 2) PERSISTENT, hidden INT INVISIBLE').slice(0, 1),
      `INSERT INTO wxuser (user_id, score, hidden) VALUES ('${ADA}', 16777215, NULL), ('${BOB}', 1, 4), ('${ADA}', 1234567.5, 3), ('${ADA} ', NULL, NULL)`,
    ],
    mariadb: true,
  },
];

describe.each(adoptionServers)(
  'a table that cannot be taken over, or can, on $server',
  ({ server, url: serverUrl }) => {
    const here = <Case extends { mariadb?: true }>(cases: readonly Case[]) =>
      cases.filter(({ mariadb }) => !mariadb || server === 'MariaDB');

    test('what is in the way is named before anything is changed, and what helps does help', {
      timeout: 120_000,
    }, async () => {
      const { url: database, clear, takeOver, query } = await openWorkshop(serverUrl);
      for (const { name, sql, says, timezone, after } of here(REFUSED)) {
        await clear();
        for (const statement of sql) await query(statement);
        const refused = await takeOver(timezone);
        expect(refused?.message, name).toMatch(says);
        let problems = refused?.problems ?? [];
        for (let round = 0; problems.length > 0 && round < 4 && server === 'MariaDB'; round++) {
          for (const help of problems.flatMap(({ helps }) => helps)) await query(help);
          problems = await planDatabase(database, { timezone }).then(
            () => [],
            (error: TablesError) => error.problems,
          );
        }
        if (server !== 'MariaDB') continue;
        expect(problems, name).toEqual([]);
        if (!after) continue;
        expect(await takeOver(timezone), name).toBeUndefined();
        expect(
          (await query(after[0])).map((row) => Object.values(row)[1]),
          name,
        ).toEqual(after[1]);
      }
    });

    test('what can be taken over is: every row is as it was, and logins work', {
      timeout: 120_000,
    }, async () => {
      const { connection, clear, takeOver, works, query } = await openWorkshop(serverUrl);
      for (const { name, sql } of here(TAKEN)) {
        await clear();
        for (const statement of sql) await query(statement);
        const before = await readBefore(connection);
        expect((await takeOver())?.message, name).toBeUndefined();
        await works(before);
      }
    });

    test('rows that are merged keep the newest values, digit by digit, and a ban', async () => {
      const { query, takeOver } = await openWorkshop(serverUrl);
      await query(
        `CREATE TABLE wxuser (${BASE}, score FLOAT, status VARCHAR(16) NOT NULL DEFAULT 'active', at DATE)`,
      );
      await query(
        `INSERT INTO wxuser (user_id, score, status, at) VALUES ('${ADA}', 1, 'banned', '2020-00-00'), ('${ADA}', 16777215, 'active', NULL), ('${ADA} ', NULL, 'active', NULL)`,
      );
      expect(await takeOver()).toBeUndefined();
      expect(await query('SELECT id, score + 0E0 AS score, status, at FROM wxuser')).toEqual([
        { id: expect.anything(), score: 16777215, status: 'banned', at: '2020-00-00' },
      ]);
    });

    test('local times are asked for, become moments, and stay as they are for the tutorial’s server', async () => {
      const { query, takeOver, url: database, wechat } = await openWorkshop(serverUrl);
      const sql = table('created_at DATETIME, createTime DATETIME', [
        "'2021-05-06 07:08:09', '2021-05-06 07:08:09'",
        "'1969-05-06 07:08:09', NULL",
      ]);
      for (const statement of sql) await query(statement);
      expect((await takeOver())?.message).toMatch(
        /created_at datetime DEFAULT NULL: it has 2 times, and does not say of which time zone. Set DB_TIMEZONE=\+08:00/,
      );
      const outside = await takeOver('+08:00');
      expect(outside?.message).toMatch(/1 of its times cannot be in a TIMESTAMP/);
      for (const help of outside?.problems[0]?.helps ?? []) await query(help);
      expect(await takeOver('+08:00')).toBeUndefined();
      // As the tutorial's server in Beijing reads it.
      expect(await query('SELECT created_at, createTime FROM wxuser WHERE id = 1')).toEqual([
        { created_at: '2021-05-06 07:08:09', createTime: '2021-05-06 07:08:09' },
      ]);
      const env = { ...realSettings(wechat.url), DATABASE_URL: database };
      const app = await startApp({ env, database: { url: database, drop: async () => undefined } });
      wechat.answer(json({ session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid: ADA }));
      const { body } = await app.call('POST', '/api/wxuser', { code: 'c' });
      const me = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
      expect(me.body.user.createdAt).toBe('2021-05-05T23:08:09.000Z');
      await app.close();
    });

    test('a time of zeros is no time: its user logs in, and has no createdAt', async () => {
      const { query, takeOver, url: database, wechat } = await openWorkshop(serverUrl);
      for (const statement of table('created_at DATETIME NOT NULL', ["'0000-00-00'", "'2020-00-00'"]))
        await query(statement);
      await takeOver('+00:00');
      const env = { ...realSettings(wechat.url), DATABASE_URL: database };
      const app = await startApp({ env, database: { url: database, drop: async () => undefined } });
      for (const openid of [ADA, BOB]) {
        wechat.answer(json({ session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid }));
        const { body } = await app.call('POST', '/api/wxuser', { code: 'c', rawData: { nickName: 'x' } });
        expect(body).toMatchObject({ status: 200, isNew: false });
        const me = await app.call('GET', '/api/wxuser/me', undefined, { Authorization: body.token });
        expect(me.body.user.createdAt).toBeNull();
      }
      await app.close();
    });

    test('a full-text key does not keep the table from being tried', async () => {
      const { query, takeOver } = await openWorkshop(serverUrl);
      for (const statement of table('story VARCHAR(20800), FULLTEXT KEY words (nickName)').slice(0, 1))
        await query(statement);
      expect((await takeOver())?.message).toMatch(
        /the server refuses ALTER TABLE wxuser .*: Row size too large/,
      );
    });

    test('a foreign key into another database is looked up there', async () => {
      const other = await openWorkshop(serverUrl);
      await other.query('CREATE TABLE dept (id INT PRIMARY KEY)');
      const { query, takeOver } = await openWorkshop(serverUrl);
      const dept = `${new URL(other.url).pathname.slice(1)}.dept`;
      const key = `CONSTRAINT works FOREIGN KEY (dept) REFERENCES ${dept} (id)`;
      for (const statement of table(`dept INT NOT NULL DEFAULT 1, ${key}`).slice(0, 1))
        await query(statement);
      expect((await takeOver())?.message).toContain(
        `FOREIGN KEY works of wxuser (dept) on ${dept} (id): its default is not in ${dept}`,
      );
      await other.query('INSERT INTO dept VALUES (1)');
      expect(await takeOver()).toBeUndefined();
    });

    test('a view is said to be one', async () => {
      const { query, takeOver } = await openWorkshop(serverUrl);
      await query('CREATE TABLE people (user_id VARCHAR(64))');
      await query('CREATE VIEW wxuser AS SELECT * FROM people');
      expect((await takeOver())?.message).toMatch(/VIEW: wxuser must be a plain table/);
    });

    test('what an owner should know, and nothing else, is a note', async () => {
      const { query, url: database } = await openWorkshop(serverUrl);
      for (const statement of table('createTime DATETIME DEFAULT CURRENT_TIMESTAMP')) await query(statement);
      await query(
        'CREATE TABLE orders (wxuser_id INT, CONSTRAINT buyer FOREIGN KEY (wxuser_id) REFERENCES wxuser (id))',
      );
      const said: string[] = [];
      await planDatabase(database, { report: (what) => said.push(what) });
      expect(said).toEqual([
        expect.stringMatching(/^note: createTime is filled in by the server, .* in UTC/),
        expect.stringMatching(
          /^note: a user of whom orders has rows cannot be erased: its foreign key buyer/,
        ),
      ]);
    });

    test('a user whom a foreign key keeps is not erased, and the reply says why', async () => {
      const { query, takeOver, url: database, wechat } = await openWorkshop(serverUrl);
      for (const statement of table('')) await query(statement);
      await query(
        'CREATE TABLE orders (wxuser_id INT, CONSTRAINT buyer FOREIGN KEY (wxuser_id) REFERENCES wxuser (id))',
      );
      await query('INSERT INTO orders SELECT id FROM wxuser WHERE id = 1');
      expect(await takeOver()).toBeUndefined();
      const env = { ...realSettings(wechat.url), DATABASE_URL: database };
      const app = await startApp({ env, database: { url: database, drop: async () => undefined } });
      const outcomes: unknown[] = [];
      for (const openid of [ADA, BOB]) {
        wechat.answer(json({ session_key: 'tiihtNczf5v6AKRyjwEUhQ==', openid }));
        const { token: Authorization } = (await app.call('POST', '/api/wxuser', { code: 'c' })).body;
        const { status, body } = await app.call('DELETE', '/api/wxuser/me', undefined, { Authorization });
        outcomes.push([status, body.code]);
      }
      expect(outcomes).toEqual([
        [409, 'account_in_use'],
        [200, undefined],
      ]);
      expect(app.log.find(({ code }) => code === 'account_in_use')).toMatchObject({
        reason: 'a foreign key `buyer` keeps the row',
      });
      await app.close();
    });
  },
);

describe.each(adoptionServers.filter(({ server }) => server === 'MariaDB'))(
  'a table of a tutorial, on one server',
  ({ url: serverUrl }) => {
    test('doctor says what is in the way, before the move and after it', { timeout: 60_000 }, async () => {
      const { query, takeOver, url: database } = await openWorkshop(serverUrl);
      const doctor = async () => {
        const process = run(['doctor'], { DATABASE_URL: database });
        const code = await process.ended;
        return { code, output: process.output() };
      };
      const sql = table('mobile VARCHAR(20) NOT NULL, createTime DATETIME DEFAULT CURRENT_TIMESTAMP', [
        "'1', NULL",
        "'2', NULL",
      ]);
      for (const statement of sql) await query(statement);
      const before = await doctor();
      expect(before.output).toMatch(
        /^problem +database: mobile varchar\(20\) NOT NULL: it has no default.*\n +→ ALTER TABLE wxuser MODIFY `mobile` varchar\(20\) NULL$/m,
      );
      expect(before.code).toBe(1);
      await query('ALTER TABLE wxuser MODIFY mobile VARCHAR(20) NULL');
      expect((await doctor()).output).toMatch(
        /^warning +database: note: createTime is filled in by the server/m,
      );
      expect(await takeOver()).toBeUndefined();
      const well = await doctor();
      expect(well.output).not.toMatch(/^problem +database/m);
      // Somebody changes the table later.
      await query('ALTER TABLE wxuser ADD city VARCHAR(20) NOT NULL, ADD UNIQUE KEY one_name (nickName)');
      const { code, output } = await doctor();
      expect(output).toMatch(/^problem +database: city varchar\(20\) NOT NULL: it has no default/m);
      expect(output).toMatch(
        /^problem +database: UNIQUE KEY one_name \(`nickName`\): users may have the same there.*\n +→ ALTER TABLE wxuser DROP INDEX `one_name`/m,
      );
      expect(code).toBe(1);
    });

    test('a JSON keeps its very text, and a column its name with a dot', async () => {
      const { query, takeOver, url: database } = await openWorkshop(serverUrl);
      const prefs = '{"order": 1583264823746281472, "a": 1.0}';
      await query('CREATE TABLE dept (`dept.id` INT PRIMARY KEY)');
      await query('INSERT INTO dept VALUES (1)');
      await query(
        `CREATE TABLE wxuser (${BASE}, prefs JSON, \`last.seen\` TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP,
        \`my.dept\` INT DEFAULT 1 REFERENCES dept (\`dept.id\`))`,
      );
      await query(
        `INSERT INTO wxuser (user_id, prefs, \`last.seen\`) VALUES ('${ADA}', '${prefs}', '2021-01-01'), ('${ADA}', '"12"', '2021-01-02'), ('${BOB}', '${prefs}', '2021-01-03')`,
      );
      expect(await takeOver()).toBeUndefined();
      const rows = await query(
        'SELECT prefs, HEX(prefs) AS hex, `last.seen`, `my.dept` FROM wxuser ORDER BY id',
      );
      expect(rows).toMatchObject([
        { hex: Buffer.from('"12"').toString('hex').toUpperCase(), 'last.seen': '2021-01-02 00:00:00' },
        { hex: Buffer.from(prefs).toString('hex').toUpperCase(), 'my.dept': 1 },
      ]);
      const opened = await openDatabase(database);
      onTestFinished(() => opened.db.destroy());
      const users = createUsers(opened, () => new Date());
      const [ada, bob] = await query('SELECT id FROM wxuser ORDER BY id');
      expect(await users.everything(Number(ada?.['id']))).toMatchObject({
        wxuser: { prefs: '"12"' },
        wxuser_merged: [{ prefs }, { prefs: '"12"', 'last.seen': expect.any(String) }],
      });
      expect(await users.everything(Number(bob?.['id']))).toMatchObject({ wxuser: { prefs } });
    });

    test('without the right to temporary tables the trial is left out, and that is said', async () => {
      const { query, url: database } = await openWorkshop(serverUrl);
      for (const statement of table('')) await query(statement);
      const { host, pathname } = new URL(database);
      const name = pathname.slice(1, 16);
      const rights = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX';
      await query(`CREATE USER ${name} IDENTIFIED BY 'narrow'`);
      await query(`GRANT ${rights} ON \`${pathname.slice(1)}\`.* TO ${name}`);
      const said: string[] = [];
      await planDatabase(`mysql://${name}:narrow@${host}${pathname}`, {
        report: (what) => said.push(what),
      });
      expect(said).toEqual([
        expect.stringMatching(/^note: what is to be done was not tried .* Access denied/),
      ]);
      await query(`DROP USER ${name}`);
    });

    test('a table that others hold is not waited for without end', async () => {
      const { query, url: database } = await openWorkshop(serverUrl);
      for (const statement of table('')) await query(statement);
      const other = await createConnection(database);
      onTestFinished(() => other.end());
      await other.query('BEGIN');
      await other.query('SELECT * FROM wxuser');
      const settings = { ...realSettings('http://127.0.0.1:9'), DATABASE_URL: database, START_WAIT: '0' };
      const migration = run(['migrate'], settings);
      expect(await migration.ended).toBe(1);
      expect(migration.output()).toMatch(/ER_LOCK_WAIT_TIMEOUT.*\n.*SHOW PROCESSLIST/);
      await other.query('ROLLBACK');
      const again = run(['migrate'], settings);
      expect(await again.ended, again.output()).toBe(0);
    });
  },
);

test('a wxuser in a SQLite file that is not ours is named, and not changed', async () => {
  const database = await freshSqlite();
  onTestFinished(database.drop);
  const { default: Libsql } = await import('libsql');
  const file = new Libsql(database.url.slice('sqlite:'.length));
  file.exec('CREATE TABLE wxuser (id INTEGER PRIMARY KEY, openid TEXT)');
  const tables = () => file.prepare('SELECT sql FROM sqlite_master').all();
  const before = tables();
  await expect(openDatabase(database.url)).rejects.toThrow(
    /the table wxuser: it has the name of a table of ours, and no appid, .*\n +ALTER TABLE wxuser RENAME TO wxuser_old;/,
  );
  expect(tables()).toEqual(before);
  file.exec('ALTER TABLE wxuser RENAME TO wxuser_old');
  file.close();
  expect(await migrateDatabase(database.url)).toContain('001-wxuser');
});
