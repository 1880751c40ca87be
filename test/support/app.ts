import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Kysely, type RawBuilder } from 'kysely';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { mysqlDialect } from '../../src/db/mysql.ts';
import type { Tables, WxUserRow } from '../../src/db/schema.ts';
import { sqliteDialect } from '../../src/db/sqlite.ts';
import { createLog } from '../../src/log.ts';
import { startServer } from '../../src/server.ts';
import { type FreshDatabase, freshSqlite } from './engines.ts';
import { keepLog, keepSecret } from './no-secrets.ts';

export const APPID = 'wx4f4bc4dec97d474b'; // the app of WeChat's official vectors
export const WX_SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
export const JWT_SECRET = 'k8Zq3vN1xR7tY5uW2mP9sD4fG6hJ0aBc';

/** Settings of a server that talks to a real WeChat, or to one that stands in for it. */
export function realSettings(apiBase: string): Record<string, string> {
  return { WX_APPID: APPID, WX_SECRET, WX_API_BASE: apiBase, JWT_SECRET };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a reply is whatever the server sends; the tests assert its shape
  readonly body: any;
}

export interface TestApp {
  readonly url: string;
  /** The lines of its log so far. */
  readonly log: readonly Record<string, unknown>[];
  /** A call with a JSON body, or with what `init` says. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** What the tutorial's button sends, from the sandbox. */
  button(options?: Record<string, unknown>): Promise<Record<string, string>>;
  /** Logs in through the sandbox's button. */
  login(options?: Record<string, unknown>, changes?: Record<string, unknown>): Promise<Answer>;
  /** The rows of wxuser, by id. */
  rows(): Promise<WxUserRow[]>;
  /** Runs a statement beside the server. */
  sql(statement: RawBuilder<unknown>): Promise<void>;
  /** Reads beside the server. */
  query<Row>(statement: RawBuilder<unknown>): Promise<Row[]>;
  /** Stops the server alone. */
  stopServer(): Promise<void>;
  close(): Promise<void>;
}

/** The server: this version, or another one. */
export type Release = typeof THIS;
const THIS = { loadConfig, createLog, startServer };

interface Options {
  readonly env?: Record<string, string>;
  readonly release?: Release;
  readonly database?: FreshDatabase;
  readonly now?: () => Date;
  /** For several tests: its caller closes it. */
  readonly shared?: boolean;
}

/** Starts a real server on a free port; it ends with the test, unless it is shared. Without settings it runs on the sandbox. */
export async function startApp({
  env = {},
  release = THIS,
  database,
  now,
  shared,
}: Options = {}): Promise<TestApp> {
  const own = database ?? (await freshSqlite());
  const log: Record<string, unknown>[] = [];
  const config = release.loadConfig({
    PORT: '0',
    HOST: '127.0.0.1',
    START_WAIT: '0',
    LOGIN_RATE_LIMIT: '100000',
    DATABASE_URL: own.url,
    ...env,
  });
  const server = await release.startServer(config, {
    log: release.createLog('debug', remembering(log)),
    ...(now && { now }),
  });
  keepSecret(env['WX_SECRET']);
  keepSecret(env['JWT_SECRET']);
  const raw = openRaw(own.url);
  let closed = false;

  const app: TestApp = {
    url: server.url,
    log,
    async call(method, path, body, headers = {}) {
      const init = {
        method,
        headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      };
      const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const send = 'Host' in headers ? fetchWithHost : fetch;
      const response = await send(server.url + path, sent === undefined ? init : { ...init, body: sent });
      const type = response.headers.get('content-type') ?? '';
      const answer = type.includes('json') ? await response.json() : await response.text();
      return { status: response.status, headers: response.headers, body: answer };
    },
    async button(options = {}) {
      return (await app.call('POST', '/sandbox/login-button', options)).body;
    },
    async login(options = {}, changes = {}) {
      return app.call('POST', '/api/wxuser', { ...(await app.button(options)), ...changes });
    },
    rows: () => raw.selectFrom('wxuser').selectAll().orderBy('id').execute(),
    sql: async (statement) => void (await statement.execute(raw)),
    query: async <Row>(statement: RawBuilder<unknown>) => (await statement.execute(raw)).rows as Row[],
    stopServer: () => server.close(),
    async close() {
      if (closed) return;
      closed = true;
      await server.close();
      for (const row of await app.rows().catch(() => [])) keepSecret(row.user_id);
      await raw.destroy();
      if (!database) await own.drop();
    },
  };
  if (!shared) onTestFinished(app.close);
  return app;
}

interface Init {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** fetch takes no Host. */
async function fetchWithHost(url: string, { body, ...init }: Init): Promise<Response> {
  const [answer] = (await once(request(url, init).end(body), 'response')) as [IncomingMessage];
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) headers.set(name, String(value));
  return new Response(await text(answer), { status: answer.statusCode ?? 0, headers });
}

function remembering(log: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      keepLog(String(chunk));
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
}

function openRaw(url: string): Kysely<Tables> {
  const dialect = url.startsWith('sqlite:') ? sqliteDialect(url.slice('sqlite:'.length)) : mysqlDialect(url);
  return new Kysely<Tables>({ dialect });
}
