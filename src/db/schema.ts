import type { Generated, Kysely, Selectable } from 'kysely';
import type { UserId } from '../user-id.ts';

/** One row per user and mini program. The names that are not snake_case are the tutorial's. */
export interface WxUserTable {
  id: Generated<UserId>;
  appid: string;
  /** The openid: the tutorial's name for it. */
  user_id: string;
  unionid: string | null;
  nickName: string | null;
  avatar: string | null;
  /** May be NULL, or a text, in a table that was adopted. */
  gender: Generated<number | null>;
  phone: string | null;
  status: Generated<'active' | 'banned'>;
  /** 1 where the user set the field here: a login leaves it alone. */
  own_nickName: Generated<number>;
  own_avatar: Generated<number>;
  own_gender: Generated<number>;
  /** A session of another generation has ended: see db/generation.ts. */
  session_generation: Generated<number>;
  /** Times are UTC as `YYYY-MM-DD HH:MM:SS.mmm`: text in SQLite, DATETIME(3) in MySQL; NULL in rows from before us. */
  created_at: string | null;
  updated_at: string | null;
  last_login_at: string | null;
}

/** One row per session; see auth/sessions.ts. */
export interface WxSessionTable {
  sid: string;
  /** `wxuser.id`. (`wxuser.user_id` is the openid: the tutorial's name.) */
  wxuser_id: UserId;
  generation: number;
  session_key: string;
  device: string;
  place: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
}

/** One row per session that was ended before its time, where sessions are kept in Redis; see db/revoked.ts. */
export interface WxSessionRevokedTable {
  sid: string;
  wxuser_id: UserId;
  /** When its token's time is over. */
  expires_at: string;
}

/** One row per picture that WeChat was asked about in the last day; see db/picture-checks.ts. */
export interface WxMediaCheckTable {
  trace_id: string;
  /** NULL, as the avatar, while only the verdict is known. */
  wxuser_id: UserId | null;
  avatar: string | null;
  /** NULL, as the label, while WeChat is looking. */
  suggest: 'pass' | 'review' | 'risky' | 'failed' | null;
  label: number | null;
  created_at: string;
}

/** One row per signature and per message that WeChat pushed in the last minutes; see db/deliveries.ts. Digests only. */
export interface WxCallbackDeliveryTable {
  digest: string;
  /** Of a signature, the digest of its message; of a message, `done`, or who is working on it. */
  state: string;
  created_at: string;
}

/** One row per row that was merged into a user's, as it was: see migrations/merge.ts. Only where a tutorial's table was adopted. */
export interface WxUserMergedTable {
  id: Generated<UserId>;
  /** `wxuser.id` */
  merged_into: UserId;
  merged_at: string;
  /** A JSON object. */
  row_json: string;
}

export interface Tables {
  wxuser: WxUserTable;
  wxsession: WxSessionTable;
  wxsession_revoked: WxSessionRevokedTable;
  wxmedia_check: WxMediaCheckTable;
  wxcallback_delivery: WxCallbackDeliveryTable;
  wxuser_merged: WxUserMergedTable;
}

export type Db = Kysely<Tables>;
export type WxUserRow = Selectable<WxUserTable>;

/** The two families of SQL we speak. */
export type Engine = 'sqlite' | 'mysql';

/** A moment as the time columns hold it. */
export function toColumn(moment: Date): string {
  return moment.toISOString().replace('T', ' ').replace('Z', '');
}

/** The moment that a time column holds. */
export function fromColumn(text: string): Date {
  return new Date(`${text.replace(' ', 'T')}Z`);
}

/** The moment that an adopted column holds; null for `0000-00-00` and others that are none. */
export function adoptedMoment(text: string | null): Date | null {
  const moment = text === null ? undefined : fromColumn(text);
  return moment && !Number.isNaN(moment.getTime()) ? moment : null;
}
