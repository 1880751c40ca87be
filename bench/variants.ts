import { createSecretKey } from 'node:crypto';
import type { RequestHandler } from 'express';
import { expressjwt } from 'express-jwt';
import type { AppParts } from '../src/app.ts';
import { requireLogin } from '../src/middleware/require-login.ts';
import type { Store } from './stores.ts';

/** One way to guard a route, measured in a server of its own. */
export interface Variant {
  readonly name: string;
  /** What it promises to check; held against it before it is measured. */
  readonly checks: 'nothing' | 'token' | 'session';
  /** What stands in front of the handler. */
  readonly guards: (parts: AppParts, secret: string) => RequestHandler[];
  /** Where its server keeps users and sessions: `SQLite` if nothing is said. */
  readonly store?: Store;
  /** Its settings that are not the default. */
  readonly settings?: Readonly<Record<string, string>>;
}

const ours = ({ requireLogin }: AppParts) => [requireLogin];
const EVERY_TIME = { SESSION_CACHE_SECONDS: '0' };

/** All that are measured; the first is what the others are compared with. */
export const variants: readonly Variant[] = [
  { name: 'bare Express route', checks: 'nothing', guards: () => [] },
  { name: "the tutorial's express-jwt", checks: 'token', guards: tutorial },
  { name: 'express-jwt with a KeyObject', checks: 'token', guards: withKeyObject },
  { name: 'requireLogin, sessions not asked', checks: 'token', guards: withoutSessions },
  { name: 'requireLogin, remembered', checks: 'session', guards: ours },
  { name: 'requireLogin, asks SQLite', checks: 'session', guards: ours, settings: EVERY_TIME },
  {
    name: 'requireLogin, asks MariaDB',
    checks: 'session',
    guards: ours,
    settings: EVERY_TIME,
    store: 'MariaDB',
  },
  {
    name: 'requireLogin, asks Redis',
    checks: 'session',
    guards: ours,
    settings: EVERY_TIME,
    store: 'Redis',
  },
];

function tutorial(_parts: AppParts, secret: string): RequestHandler[] {
  return [expressjwt({ secret, algorithms: ['HS256'] })];
}

function withKeyObject(_parts: AppParts, secret: string): RequestHandler[] {
  return [expressjwt({ secret: createSecretKey(secret, 'utf8'), algorithms: ['HS256'] })];
}

function withoutSessions({ tokens, sessions }: AppParts): RequestHandler[] {
  return [requireLogin(tokens, { ...sessions, standing: async () => 'good' })];
}
