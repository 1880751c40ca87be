import { type Kysely, type Migration, sql } from 'kysely';
import type { Engine } from '../schema.ts';

/**
 * The users. An openid is case-sensitive, so its column compares bytes: under a `_ci` collation two people whose
 * openids differ in case would be one. 64 + 64 characters of utf8mb4 stay below the 767 bytes of MySQL 5.6's index.
 */
export function wxuser(engine: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      if (engine === 'mysql') return void (await onMysql.execute(db));
      await onSqlite.execute(db);
      await sql`CREATE INDEX wxuser_unionid ON wxuser (unionid)`.execute(db);
    },
  };
}

const onMysql = sql`
  CREATE TABLE wxuser (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    appid VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    unionid VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    nickName VARCHAR(64) NULL,
    avatar VARCHAR(512) NULL,
    gender TINYINT NOT NULL DEFAULT 0,
    phone VARCHAR(32) NULL,
    status VARCHAR(16) NOT NULL DEFAULT 'active',
    own_nickName TINYINT NOT NULL DEFAULT 0,
    own_avatar TINYINT NOT NULL DEFAULT 0,
    own_gender TINYINT NOT NULL DEFAULT 0,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    last_login_at DATETIME(3) NOT NULL,
    UNIQUE KEY wxuser_appid_user_id (appid, user_id),
    KEY wxuser_unionid (unionid)
  ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;

const onSqlite = sql`
  CREATE TABLE wxuser (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    appid TEXT NOT NULL,
    user_id TEXT NOT NULL,
    unionid TEXT,
    nickName TEXT,
    avatar TEXT,
    gender INTEGER NOT NULL DEFAULT 0,
    phone TEXT,
    status TEXT NOT NULL DEFAULT 'active',
    own_nickName INTEGER NOT NULL DEFAULT 0,
    own_avatar INTEGER NOT NULL DEFAULT 0,
    own_gender INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    last_login_at TEXT NOT NULL,
    UNIQUE (appid, user_id)
  )`;
