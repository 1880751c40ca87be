import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { explain } from '../src/cli/explain.ts';
import { prepareSession } from '../src/db/mysql-session.ts';
import { openDatabase } from '../src/db/open.ts';
import { examineServers } from '../src/doctor/mysql.ts';
import { startApp } from './support/app.ts';
import { hasMariaDb, startMariaDb } from './support/mariadb.ts';
import { findMysql56, startMysql56 } from './support/mysql56.ts';

/** What a server may have been set to, as SQL for its administrator. */
const DEFAULTS: readonly [string, string][] = [
  ['autocommit=0', 'SET GLOBAL autocommit = 0'],
  ['autocommit=0 by init_connect', "SET GLOBAL init_connect = 'SET autocommit = 0'"],
  ['SET NAMES utf8 by init_connect', "SET GLOBAL init_connect = 'SET NAMES utf8'"],
  ['SET NAMES gbk by init_connect', "SET GLOBAL init_connect = 'SET NAMES gbk'"],
  ['SET NAMES latin1 by init_connect', "SET GLOBAL init_connect = 'SET NAMES latin1'"],
  [
    'utf8mb4_bin as the collation of the connection',
    "SET GLOBAL init_connect = 'SET NAMES utf8mb4 COLLATE utf8mb4_bin'",
  ],
  ['replies without a charset', "SET GLOBAL init_connect = 'SET character_set_results = NULL'"],
  ['a server in gbk', 'SET GLOBAL character_set_server = gbk, GLOBAL collation_server = gbk_chinese_ci'],
  [
    'a server in utf8mb4',
    'SET GLOBAL character_set_server = utf8mb4, GLOBAL collation_server = utf8mb4_unicode_ci',
  ],
  ['sql_safe_updates', "SET GLOBAL init_connect = 'SET sql_safe_updates = 1'"],
  ['sql_mode=ANSI_QUOTES, PIPES_AS_CONCAT', "SET GLOBAL sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'"],
  ['sql_mode=NO_BACKSLASH_ESCAPES', "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'"],
  ['sql_mode=TRADITIONAL', "SET GLOBAL sql_mode = 'TRADITIONAL,ONLY_FULL_GROUP_BY'"],
  ['sql_mode=PAD_CHAR_TO_FULL_LENGTH', "SET GLOBAL sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'"],
  ['sql_mode=NO_AUTO_VALUE_ON_ZERO', "SET GLOBAL sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"],
  ['no sql_mode', "SET GLOBAL sql_mode = ''"],
  ['completion_type=CHAIN', "SET GLOBAL completion_type = 'CHAIN'"],
  ['completion_type=RELEASE', "SET GLOBAL completion_type = 'RELEASE'"],
  ['sql_select_limit=0', "SET GLOBAL init_connect = 'SET sql_select_limit = 0'"],
  ['max_join_size=1', 'SET GLOBAL max_join_size = 1'],
  ['tx_read_only', 'SET GLOBAL tx_read_only = 1'],
  ['tx_isolation=SERIALIZABLE', "SET GLOBAL tx_isolation = 'SERIALIZABLE'"],
  ['tx_isolation=READ-UNCOMMITTED', "SET GLOBAL tx_isolation = 'READ-UNCOMMITTED'"],
  ['time_zone=+08:00', "SET GLOBAL time_zone = '+08:00'"],
  ['unique_checks=0, foreign_key_checks=0', 'SET GLOBAL unique_checks = 0, GLOBAL foreign_key_checks = 0'],
  ['MyISAM as the default engine', 'SET GLOBAL default_storage_engine = MyISAM'],
  ['wait_timeout=1', 'SET GLOBAL wait_timeout = 1'],
];

const MARIADB_DEFAULTS: readonly [string, string][] = [
  ['sql_mode=ORACLE', "SET GLOBAL sql_mode = 'ORACLE'"],
  ['sql_mode=EMPTY_STRING_IS_NULL', "SET GLOBAL sql_mode = 'EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT'"],
  ['sql_safe_updates for all', 'SET GLOBAL sql_safe_updates = 1'],
  ['sql_select_limit=0 for all', 'SET GLOBAL sql_select_limit = 0'],
  ['max_statement_time=0.00001', 'SET GLOBAL max_statement_time = 0.00001'],
  ['alter_algorithm=INSTANT', "SET GLOBAL alter_algorithm = 'INSTANT'"],
];

const servers = [
  {
    server: 'MariaDB',
    there: hasMariaDb(),
    start: () => startMariaDb(),
    defaults: [...DEFAULTS, ...MARIADB_DEFAULTS],
  },
  {
    server: 'MySQL 5.6',
    there: findMysql56() !== undefined,
    // It does not listen to a client's own charset.
    start: () =>
      startMysql56([
        '--skip-character-set-client-handshake',
        '--character-set-server=latin1',
        '--lower-case-table-names=1',
        '--explicit-defaults-for-timestamp',
        ...['--server-id=1', '--log-bin', '--binlog-format=STATEMENT'],
      ]),
    defaults: DEFAULTS.filter(([name]) =>
      /autocommit=0$|gbk|in utf8mb4|updates|ANSI|BACKSLASH|CHAIN|read_only|limit|engine/.test(name),
    ),
  },
].filter(({ there }) => there);

const NAME = '张三😀\\\' "';

describe.each(servers)('on $server, whatever its defaults', ({ start, defaults }) => {
  let url: string;
  let admin: Connection;
  let variables: Record<string, unknown>;

  beforeAll(async () => {
    const server = await start();
    url = server.url;
    // An administrator's sessions run no init_connect.
    admin = await createConnection({ uri: url, dateStrings: true });
    await admin.query("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''");
    // At both: an anonymous user of this host would be preferred to one of any host.
    await admin.query("CREATE USER plain@'%' IDENTIFIED BY 'p', plain@localhost IDENTIFIED BY 'p'");
    await newDatabase('shared');
    const [rows] = await admin.query<RowDataPacket[]>('SHOW GLOBAL VARIABLES');
    variables = Object.fromEntries(rows.map((row) => [row['Variable_name'], row['Value']]));
    return async () => {
      await admin.end();
      await server.stop();
    };
  }, 60_000);

  test.each(defaults)('%s', async (_name, sql) => {
    await admin.query(sql);
    onTestFinished(() => reset(sql));
    const own = new URL(url);
    [own.username, own.password, own.pathname] = ['plain', 'p', await databaseFor(sql)];
    const d = own.pathname.slice(1);

    const app = await startApp({ database: { url: own.href, drop: async () => undefined } });
    const began = Date.now();
    const first = await app.login({ user: 'a', nickName: NAME });
    expect([first.status, first.body.isNew, first.body.user?.nickName]).toEqual([200, true, NAME]);
    const [[row]] = await admin.query<RowDataPacket[]>(
      `SELECT HEX(nickName) AS name, created_at AS at FROM ${d}.wxuser`,
    );
    expect(row?.['name']).toBe(Buffer.from(NAME).toString('hex').toUpperCase());
    expect(Math.abs(Date.parse(`${row?.['at'].replace(' ', 'T')}Z`) - began)).toBeLessThan(60_000);

    const headers = { Authorization: first.body.token };
    const changed = await app.call('PUT', '/api/wxuser/me', { nickName: `${NAME}二` }, headers);
    expect([changed.status, changed.body.user?.nickName]).toEqual([200, `${NAME}二`]);
    const again = await app.login({ user: 'a', nickName: NAME });
    expect([again.status, again.body.isNew, again.body.user?.nickName]).toEqual([200, false, `${NAME}二`]);
    expect((await app.call('DELETE', '/api/wxuser/me', undefined, headers)).status).toBe(200);
    expect((await admin.query(`SELECT id FROM ${d}.wxuser`))[0]).toEqual([]);
    const [tables] = await admin.query<RowDataPacket[]>(
      'SELECT DISTINCT ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?',
      [d],
    );
    expect(tables).toEqual([{ engine: 'InnoDB' }]);
  });

  test('the doctor says what its defaults are, and what our sessions have instead', async () => {
    const sql =
      "SET GLOBAL autocommit = 0, GLOBAL completion_type = 'CHAIN', GLOBAL init_connect = 'SET sql_safe_updates = 1'";
    const own = new URL(url);
    [own.username, own.password, own.pathname] = ['plain', 'p', 'shared'];
    const asItComes = (await examineServers(own.href)).map(({ says }) => says);
    await admin.query(sql);
    onTestFinished(() => reset(sql));
    const [server, defaults, ...more] = await examineServers(own.href);
    expect(server).toMatchObject({
      level: 'ok',
      says: expect.stringMatching(/^127\.0\.0\.1:\d+ is MySQL \d+\.\d/),
    });
    expect(asItComes[0]).toBe(server?.says);
    expect(defaults?.level).toBe('ok');
    expect(defaults?.says).toMatch(
      /^our sessions set what its defaults and its init_connect have otherwise: autocommit OFF → 1; completion_type CHAIN → 0; .*sql_safe_updates ON → 0/,
    );
    expect(more).toEqual([]);
  });

  test.each([
    [
      'an init_connect that fails',
      "SET GLOBAL init_connect = 'SELEKT 1'",
      /does its init_connect fail\?\)\n/,
    ],
    ['a server that is read-only', 'SET GLOBAL read_only = 1', /read-only.*\nThe server takes no writes/],
  ])('%s is named, with the next step', async (_name, sql, says) => {
    await admin.query(sql);
    onTestFinished(() => reset(sql));
    await newDatabase('own');
    onTestFinished(async () => void (await admin.query('DROP DATABASE own')));
    const own = new URL(url);
    [own.username, own.password, own.pathname] = ['plain', 'p', 'own'];
    const failure = await openDatabase(own.href).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'database_unavailable' });
    expect(explain(failure)).toMatch(says);
  });

  /** A new one where the tables are to be made under these defaults. */
  async function databaseFor(sql: string): Promise<string> {
    if (!/server|engine|algorithm|GLOBAL autocommit|ORACLE/.test(sql)) return 'shared';
    await newDatabase('own', /character_set_server = (\w+)/.exec(sql)?.[1]);
    onTestFinished(async () => void (await admin.query('DROP DATABASE own')));
    return 'own';
  }

  async function newDatabase(name: string, charset = 'latin1'): Promise<void> {
    await admin.query(`CREATE DATABASE ${name} CHARACTER SET ${charset}`);
    await admin.query(`GRANT ALL ON ${name}.* TO plain@'%', plain@localhost`);
  }

  /** To what it was when the server started. */
  async function reset(sql: string): Promise<void> {
    for (const [, name = ''] of sql.matchAll(/GLOBAL (\w+)/g)) {
      const value = String(variables[name]);
      await admin.query(`SET GLOBAL ${name} = ${/^[\d.]+$/.test(value) ? value : admin.escape(value)}`);
    }
  }
});

describe('what is not quite MySQL', () => {
  const lost = Object.assign(new Error('Connection lost'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true });

  /** A server with these values, which refuses what `refuses` says, and where a SET may do nothing. */
  function given(
    values: Record<string, string>,
    { refuses = /^$/, deaf = /^$/, failsWith = new Error('syntax error') } = {},
  ) {
    const said: string[] = [];
    const run = async (sql: string) => {
      said.push(sql);
      if (refuses.test(sql)) throw failsWith;
      if (sql.startsWith('SHOW'))
        return Object.entries(values).map(([Variable_name, Value]) => ({ Variable_name, Value }));
      for (const [, name = '', value = ''] of sql.matchAll(/(\w+) = (\d+|'[^']*')/g))
        if (!deaf.test(name)) values[name] = value.replaceAll("'", '');
      return [];
    };
    return { values, said, run };
  }

  test('a variable that it does not know is not named to it, and three questions are all', async () => {
    const { said, run } = given({ autocommit: 'OFF' });
    expect(await prepareSession(run, false)).toEqual([{ name: 'autocommit', found: 'OFF', set: '1' }]);
    const read = "SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit')";
    expect(said.slice(1)).toEqual(['SET autocommit = 1', read]);
  });

  test('one that refuses a variable gets the others, and is taken if what it has will do', async () => {
    const { values, run } = given(
      { autocommit: 'OFF', sql_mode: 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES' },
      { refuses: /SET.*sql_mode/ },
    );
    await prepareSession(run, false);
    expect(values).toMatchObject({ autocommit: '1', sql_mode: 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES' });
  });

  test('one that does not know SHOW VARIABLES is told each variable, and taken at its word', async () => {
    const { values, run } = given({}, { refuses: /SHOW|,.*,.*=.*,|wsrep/ });
    await prepareSession(run, false);
    expect(values).toMatchObject({ autocommit: '1', time_zone: '+00:00', innodb_lock_wait_timeout: '1' });
  });

  test.each<[string, Record<string, string>, string]>([
    ['autocommit', { autocommit: 'OFF' }, 'autocommit is OFF and must be 1'],
    ['a charset', { character_set_client: 'gbk' }, 'character_set_client is gbk and must be utf8mb4'],
    [
      'replies without a charset',
      { character_set_results: '' },
      'character_set_results is empty and must be utf8mb4',
    ],
    ['sql_mode', { sql_mode: 'ANSI_QUOTES,STRICT_ALL_TABLES' }, 'sql_mode is ANSI_QUOTES'],
    ['no strict sql_mode', { sql_mode: '' }, 'sql_mode is empty and must be STRICT_TRANS_TABLES'],
    ['two', { autocommit: 'OFF', sql_safe_updates: 'ON' }, 'OFF and must be 1; sql_safe_updates is ON'],
  ])('where it answers otherwise after a SET it is refused by name: %s', async (_name, values, says) => {
    await expect(prepareSession(given(values, { deaf: /./ }).run, false)).rejects.toMatchObject({
      code: 'POOL_SESSION',
      message: expect.stringContaining(says),
    });
  });

  test('why it refused is told', async () => {
    const { run } = given(
      { autocommit: 'OFF' },
      { refuses: /^SET/, failsWith: new Error('Access denied; you need SUPER') },
    );
    await expect(prepareSession(run, false)).rejects.toThrow(/must be 1 \(Access denied; you need SUPER\)/);
  });

  test('what only costs time is done without', async () => {
    const values = { wsrep_sync_wait: '0', innodb_lock_wait_timeout: '50', wait_timeout: '60' };
    await prepareSession(given(values, { deaf: /./ }).run, false);
  });

  test('a migration may wait for locks', async () => {
    const { values, run } = given({ autocommit: 'ON', innodb_lock_wait_timeout: '50' });
    await prepareSession(run, true);
    expect(values['innodb_lock_wait_timeout']).toBe('50');
  });

  test('a connection that is lost meanwhile is no answer', async () => {
    for (const refuses of [/SHOW/, /SET/]) {
      const { run } = given({ autocommit: 'ON' }, { refuses, failsWith: lost });
      await expect(prepareSession(run, false)).rejects.toBe(lost);
    }
  });
});
