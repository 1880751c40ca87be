import fc from 'fast-check';

/** A table `wxuser` as somebody may have it, with rows; what else stands around it. */
export interface RandomTable {
  readonly sql: readonly string[];
  /** What stands around it, as far as the table lets it. */
  readonly around: readonly string[];
}

interface Column {
  readonly name: string;
  readonly type: string;
  /** SQL of a value, by the number of the row. */
  readonly values: readonly ((row: number) => string)[];
}

const constant = (...values: readonly string[]) => values.map((value) => () => value);
const text = (...values: readonly string[]) => constant(...values.map((value) => `'${value}'`));

/** Types, each with values that somebody may have in it. */
const many = (name: string, types: readonly string[], values: Column['values']): Column[] =>
  types.map((type) => ({
    name,
    type,
    values: /NOT NULL/.test(type) ? values.filter((v) => v(0) !== 'NULL') : values,
  }));

const OPENIDS = (row: number) =>
  `'oGZUI0egBJY1zhBYw2KhdUfwVJ${String.fromCharCode(65 + (row % 26))}${row % 10}'`;
const TIMES = constant("'2021-03-04 05:06:07'", "'1999-12-31 23:59:59'", "'0000-00-00 00:00:00'", 'NULL');
const ODD_TIMES = [...TIMES, ...constant("'2020-00-00 00:00:00'")];
const NAMES = [...text('Ada', '爱达', 'Adélaïde', '', "O\\'Hara"), ...constant('NULL')];
const PHONES = [(row: number) => `'1380013800${row}'`, ...constant("''", 'NULL')];

const ID: readonly (readonly Column[])[] = [
  ...['INT', 'BIGINT', 'INT UNSIGNED', 'BIGINT UNSIGNED', 'MEDIUMINT UNSIGNED', 'INT(11) ZEROFILL'].map(
    (type) => [
      {
        name: 'id',
        type: `${type} NOT NULL AUTO_INCREMENT PRIMARY KEY`,
        values: [(row: number) => `${row * 3 + 1}`],
      },
    ],
  ),
  [{ name: 'id', type: 'INT NOT NULL PRIMARY KEY', values: [(row) => `${row + 5}`] }],
  [{ name: 'id', type: 'INT NOT NULL AUTO_INCREMENT, KEY (id)', values: [(row) => `${row + 5}`] }],
  [{ name: 'uid', type: 'INT NOT NULL AUTO_INCREMENT PRIMARY KEY', values: [(row) => `${row + 5}`] }],
  [{ name: 'uuid', type: 'CHAR(36) NOT NULL PRIMARY KEY', values: [(row) => `'uuid-${row}'`] }],
  [],
];

const USER_ID = many(
  'user_id',
  [
    ...['VARCHAR(255)', 'VARCHAR(64) NOT NULL', 'CHAR(28)', "VARCHAR(100) NOT NULL DEFAULT ''", 'TEXT'],
    ...[
      'VARCHAR(64) UNIQUE',
      'VARCHAR(50), KEY openid (user_id)',
      'VARCHAR(128) COLLATE {charset}_bin',
      "VARCHAR(64) COMMENT 'the openid, NOT NULL'",
    ],
    ...['BIGINT', 'VARBINARY(64)', 'VARCHAR(64), UNIQUE KEY prefix (user_id(10))'],
  ],
  [OPENIDS],
);

const OURS: readonly (readonly Column[])[] = [
  many(
    'nickName',
    [
      ...[
        'VARCHAR(255)',
        'VARCHAR(20) NOT NULL',
        "VARCHAR(64) DEFAULT 'nobody'",
        'TEXT',
        'TINYTEXT',
        'CHAR(30)',
      ],
      ...[
        'VARCHAR(64) NOT NULL UNIQUE',
        'VARCHAR(100), KEY (nickName)',
        "VARCHAR(50) NOT NULL DEFAULT '' COMMENT 'it''s'",
        'JSON',
      ],
    ],
    NAMES,
  ),
  many(
    'avatar',
    [
      'VARCHAR(255)',
      'VARCHAR(1000) NOT NULL',
      'TEXT',
      'TEXT NOT NULL',
      "VARCHAR(200) NOT NULL DEFAULT ''",
      'TINYTEXT',
      'BLOB',
    ],
    [...text('https://a.example/1.png', ''), ...constant('NULL')],
  ),
  [
    ...many(
      'gender',
      [
        'INT',
        'TINYINT UNSIGNED NOT NULL DEFAULT 0',
        'TINYINT(1)',
        'BOOLEAN',
        'SMALLINT NOT NULL',
        'DECIMAL(2,0)',
        'BIT(1)',
        'TINYINT NOT NULL DEFAULT 1',
      ],
      constant('0', '1', 'NULL'),
    ),
    ...many(
      'gender',
      [
        "ENUM('0','1','2')",
        "ENUM('1','2') NOT NULL",
        "ENUM('0','1','2') NOT NULL DEFAULT '0'",
        'CHAR(1)',
        'VARCHAR(8) NOT NULL',
      ],
      [...text('1', '2'), ...constant('NULL')],
    ),
    ...many(
      'gender',
      ["ENUM('男','女')", 'VARCHAR(4)', "ENUM('未知','男','女') NOT NULL DEFAULT '未知'"],
      [...text('男', '女'), ...constant('NULL')],
    ),
    ...many('gender', ["ENUM('male','female','unknown')", 'VARCHAR(10) NOT NULL'], text('male', 'female')),
    ...many('gender', ["SET('m','f')"], text('m', 'f')),
  ],
  many(
    'phone',
    [
      'VARCHAR(20)',
      'VARCHAR(20) NOT NULL UNIQUE',
      "VARCHAR(20) NOT NULL DEFAULT ''",
      'CHAR(11)',
      'VARCHAR(11) NOT NULL',
      'BIGINT',
      'TEXT NOT NULL',
      'VARCHAR(32) UNIQUE',
    ],
    PHONES,
  ),
  [
    ...many(
      'status',
      ["CHAR(1) DEFAULT '0'", 'CHAR(1)', "VARCHAR(20) NOT NULL DEFAULT 'normal'", 'TINYINT DEFAULT 1'],
      text('0', '1'),
    ),
    ...many(
      'status',
      ["VARCHAR(16) NOT NULL DEFAULT 'active'", 'VARCHAR(16)', "ENUM('active','banned') DEFAULT 'active'"],
      text('active', 'banned'),
    ),
  ],
  many(
    'unionid',
    [
      'VARCHAR(64)',
      'VARCHAR(28) NOT NULL',
      "VARCHAR(64) NOT NULL DEFAULT ''",
      'VARCHAR(255) UNIQUE',
      'TEXT',
      'CHAR(28), KEY (unionid)',
    ],
    [(row) => `'oUnion${row}'`, ...constant('NULL', "''")],
  ),
  many('appid', ['VARCHAR(32)', "VARCHAR(64) NOT NULL DEFAULT ''", 'CHAR(18) NOT NULL', 'INT'], text('')),
  many(
    'created_at',
    [
      ...[
        'DATETIME',
        'DATETIME NOT NULL',
        'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP',
        'TIMESTAMP NULL',
        'DATETIME DEFAULT CURRENT_TIMESTAMP',
      ],
      ...[
        'INT',
        'DATE',
        'BIGINT',
        'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
        "DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00'",
      ],
    ],
    ODD_TIMES,
  ),
  many(
    'updated_at',
    [
      'DATETIME',
      'DATETIME NOT NULL',
      'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
      'DATETIME DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP',
    ],
    TIMES,
  ),
  many('last_login_at', ['DATETIME', 'TIMESTAMP NULL', 'INT'], TIMES),
  many('session_generation', ['INT', 'INT NOT NULL DEFAULT 0'], constant('0')),
];

const OWN: readonly (readonly Column[])[] = [
  many('createdAt', ['DATETIME NOT NULL', 'DATETIME'], TIMES),
  many(
    'mobile',
    ['VARCHAR(20) NOT NULL', 'VARCHAR(20) NOT NULL UNIQUE', 'VARCHAR(20) UNIQUE'],
    [(row) => `'m${row}'`],
  ),
  many(
    'create_time',
    ['DATETIME DEFAULT CURRENT_TIMESTAMP', 'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP', 'TIMESTAMP NULL'],
    ODD_TIMES,
  ),
  many(
    'update_time',
    [
      'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
      'DATETIME NULL ON UPDATE CURRENT_TIMESTAMP',
      'DATETIME NOT NULL ON UPDATE CURRENT_TIMESTAMP',
    ],
    TIMES,
  ),
  many(
    'birthday',
    ['DATE', "DATE NOT NULL DEFAULT '0000-00-00'"],
    constant("'2000-01-02'", "'0000-00-00'", "'2020-00-00'"),
  ),
  many(
    'is_deleted',
    ['TINYINT(1) NOT NULL DEFAULT 0', 'BIT(1) NOT NULL', "BIT(1) NOT NULL DEFAULT b'0'"],
    constant('0', '1'),
  ),
  many(
    'role',
    ["ENUM('user','admin') NOT NULL", "VARCHAR(10) NOT NULL DEFAULT 'user'"],
    text('user', 'admin'),
  ),
  many('token', ['VARCHAR(255)', 'TEXT NOT NULL', 'VARCHAR(255) UNIQUE'], [(row) => `'t${row}'`]),
  many('session_key', ["VARCHAR(64) NOT NULL DEFAULT ''", 'VARCHAR(64) NOT NULL'], text('a2V5')),
  many(
    'balance',
    ["DECIMAL(10,2) NOT NULL DEFAULT '0.00'", 'FLOAT', 'DOUBLE', 'BIGINT UNSIGNED'],
    constant('0.1', '12345.67'),
  ),
  many('country', ["VARCHAR(50) DEFAULT '中国'", 'TEXT', 'LONGTEXT', "SET('a','b') DEFAULT 'a'"], text('a')),
  many('photo', ['BLOB', 'LONGBLOB', 'VARBINARY(100)', 'POINT'], constant('NULL')),
  many(
    'invite',
    ["CHAR(8) NOT NULL DEFAULT '' UNIQUE", 'CHAR(8) UNIQUE', 'CHAR(8) NOT NULL UNIQUE'],
    [(row) => `'i${row}'`],
  ),
  many('openid', ['VARCHAR(64)', 'VARCHAR(64) NOT NULL'], [OPENIDS]),
  many('wide', ['VARCHAR(5000)', 'VARCHAR(10000)', 'VARCHAR(15000)', 'VARCHAR(20000)'], text('w')),
  many('since', ['YEAR', 'TIME', 'DATETIME(6)', 'DATE NOT NULL'], constant('NULL', "'2001'")),
  many(
    'doubled',
    [
      'INT AS (LENGTH(user_id)) PERSISTENT',
      'INT AS (LENGTH(user_id)) VIRTUAL',
      "VARCHAR(10) NOT NULL CHECK (doubled <> 'x')",
      "VARCHAR(10) DEFAULT 'y' CHECK (doubled <> 'x')",
    ],
    constant('DEFAULT'),
  ),
];

const AROUND: readonly (readonly string[])[] = [
  ["CREATE TRIGGER touched BEFORE UPDATE ON wxuser FOR EACH ROW SET NEW.user_id = CONCAT(OLD.user_id, '')"],
  [
    'CREATE TABLE made (at DATETIME)',
    'CREATE TRIGGER counted AFTER INSERT ON wxuser FOR EACH ROW INSERT INTO made VALUES (NOW())',
  ],
  [
    'CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, wxuser_id {id}, FOREIGN KEY (wxuser_id) REFERENCES wxuser (id))',
    'INSERT INTO orders (wxuser_id) SELECT MIN(id) FROM wxuser',
  ],
  [
    'CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, wxuser_id {id}, FOREIGN KEY (wxuser_id) REFERENCES wxuser (id) ON DELETE CASCADE)',
    'INSERT INTO orders (wxuser_id) SELECT id FROM wxuser',
  ],
  [
    'CREATE TABLE carts (openid VARCHAR(64), FOREIGN KEY (openid) REFERENCES wxuser (user_id)) CHARSET {charset}',
  ],
  ['ALTER TABLE wxuser PARTITION BY KEY () PARTITIONS 3'],
  ['ALTER TABLE wxuser ADD FULLTEXT KEY words (nickName)'],
  [
    'CREATE TABLE levels (id INT PRIMARY KEY)',
    'INSERT INTO levels VALUES (1)',
    'ALTER TABLE wxuser ADD level_id INT NOT NULL DEFAULT 1, ADD FOREIGN KEY (level_id) REFERENCES levels (id)',
  ],
  [
    'CREATE TABLE levels (id INT PRIMARY KEY)',
    'ALTER TABLE wxuser ADD level_id INT DEFAULT NULL, ADD FOREIGN KEY (level_id) REFERENCES levels (id)',
  ],
  ['ALTER TABLE wxuser ADD UNIQUE KEY pair (nickName(20), user_id)'],
  ['ALTER TABLE wxuser ADD KEY wxuser_unionid (user_id(20))'],
  ['ALTER TABLE wxuser ADD secret INT NOT NULL DEFAULT 7 INVISIBLE'],
  ['ALTER TABLE wxuser ADD CONSTRAINT grown CHECK (gender IN (0, 1))'],
];

/** A column whose type keeps it from nothing comes oftener, so that tables are taken over at once too. */
const PLAIN: readonly Column[] = [
  ...many('nickName', ['VARCHAR(255)', 'VARCHAR(64)'], NAMES),
  ...many('avatar', ['VARCHAR(255)', 'VARCHAR(512)'], text('https://a.example/1.png', '')),
  ...many('gender', ['INT', 'TINYINT(1)', "ENUM('0','1','2')"], text('0', '1')),
  ...many('points', ['INT NOT NULL DEFAULT 0', 'FLOAT'], constant('3')),
];

const one = <T>(values: readonly T[]) => fc.constantFrom(...values);
export const randomTables: fc.Arbitrary<RandomTable> = fc
  .record({
    charset: one(['utf8mb4', 'utf8mb4', 'utf8', 'latin1', 'gbk']),
    engine: one([...Array.from({ length: 8 }, () => 'InnoDB'), 'MyISAM', 'MyISAM', 'MEMORY']),
    format: one([
      '',
      '',
      '',
      ' ROW_FORMAT=DYNAMIC',
      ' ROW_FORMAT=COMPACT',
      ' ROW_FORMAT=REDUNDANT',
      ' ROW_FORMAT=COMPRESSED',
    ]),
    id: one(ID),
    userId: one(USER_ID),
    plain: fc.subarray([...PLAIN]),
    ours: fc.array(
      fc.nat(OURS.length - 1).chain((i) => one<Column>(OURS[i] ?? [])),
      { maxLength: 3 },
    ),
    own: fc.array(
      fc.nat(OWN.length - 1).chain((i) => one<Column>(OWN[i] ?? [])),
      { maxLength: 2 },
    ),
    around: fc.option(one(AROUND), { nil: [] as readonly string[], freq: 2 }),
    rows: fc.nat(6),
    picks: fc.array(fc.nat(1000), { minLength: 120, maxLength: 120 }),
    twice: fc.option(fc.nat(2), { nil: undefined, freq: 4 }),
    odd: fc.option(one(["''", 'NULL', "'测试'", "'o '"]), { nil: undefined, freq: 4 }),
  })
  .map(({ charset, engine, format, id, userId, plain, ours, own, around, rows, picks, twice, odd }) => {
    const names = new Set<string>();
    const columns = [...id, userId, ...plain, ...ours, ...own].filter(({ name }) => {
      const lower = name.toLowerCase();
      return names.has(lower) ? false : names.add(lower);
    });
    const idType =
      /^[A-Z]+(?: UNSIGNED)?/.exec(columns.find(({ name }) => name === 'id')?.type ?? 'INT')?.[0] ?? 'INT';
    const fill = (sql: string) => sql.replaceAll('{charset}', charset).replaceAll('{id}', idType);
    const create = `CREATE TABLE wxuser (${columns.map(({ name, type }) => `${name} ${fill(type)}`).join(', ')}) ENGINE=${engine} CHARSET=${charset}${format}`;
    const values = Array.from({ length: rows }, (_, row) => {
      const cells = columns.map(({ name, values: possible }, i) => {
        if (name === 'user_id' && row === 1 && odd) return odd;
        if (name === 'user_id' && twice !== undefined && row === rows - 1) return OPENIDS(twice);
        return possible[(picks[(row * 17 + i) % 120] ?? 0) % possible.length]?.(row) ?? 'NULL';
      });
      return `(${cells.join(', ')})`;
    });
    const insert = `INSERT INTO wxuser (${columns.map(({ name }) => name).join(', ')}) VALUES ${values.join(', ')}`;
    return {
      sql: [create, ...(rows > 0 ? [insert] : [])],
      around: around.map(fill),
    };
  });
