/**
 * Our columns in MySQL. An openid is case-sensitive, so it is compared byte by byte; ascii keeps its key within the 767
 * bytes of MySQL 5.6. Every column has a default or may be NULL: the tutorial's own server can go on inserting while
 * its table moves in. Rows it makes have the appid '', which the first real app claims.
 */
export const COLUMNS = {
  appid: "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''",
  user_id: 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL',
  unionid: 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL',
  nickName: 'VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL',
  avatar: 'VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL',
  gender: 'TINYINT NULL DEFAULT 0',
  phone: 'VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL',
  status: "VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'active'",
  own_nickName: 'TINYINT NOT NULL DEFAULT 0',
  own_avatar: 'TINYINT NOT NULL DEFAULT 0',
  own_gender: 'TINYINT NOT NULL DEFAULT 0',
  session_generation: 'INT UNSIGNED NOT NULL DEFAULT 0',
  created_at: 'DATETIME(3) NULL',
  updated_at: 'DATETIME(3) NULL',
  last_login_at: 'DATETIME(3) NULL',
} as const;

const OURS: ReadonlySet<string> = new Set(['id', ...Object.keys(COLUMNS).map((name) => name.toLowerCase())]);

/** Whether a column, by its name in lower case, is one that we write. */
export const isOurs = (name: string): boolean => OURS.has(name);

/** The keys that we make. */
export const KEYS = {
  wxuser_appid_user_id: { columns: ['appid', 'user_id'], unique: true },
  wxuser_unionid: { columns: ['unionid'], unique: false },
} as const;

export const UNIQUE_KEY = 'UNIQUE KEY wxuser_appid_user_id (appid, user_id)';
export const UNIONID_KEY = 'KEY wxuser_unionid (unionid)';
export const ID = 'id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT';

export function createTable(): string {
  const columns = Object.entries(COLUMNS).map(([name, definition]) => `${name} ${definition}`);
  return `CREATE TABLE wxuser (${[`${ID} PRIMARY KEY`, ...columns, UNIQUE_KEY, UNIONID_KEY].join(', ')})
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;
}
