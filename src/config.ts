import { isIP } from 'node:net';
import type { z } from 'zod';
import { type AvatarStoreAddress, besideDatabase } from './avatar-store-url.ts';
import { parseMysqlUrl } from './database-url.ts';
import { textOf } from './issues.ts';
import { isMachineName } from './listen-host.ts';
import { type HttpProxy, proxyFor } from './outbound/proxy.ts';
import { secretProblems } from './secrets/problems.ts';
import { environment } from './settings.ts';
import { unknownSettings } from './unknown-settings.ts';

/** The sandbox's app. No real mini program can have this appid: real ones are `wx` and 16 hex digits. */
export const SANDBOX_APPID = 'wxsandbox000000000';

/**
 * Lets a sandbox start only where the server would start one.
 * @throws {ConfigError} where the NODE_ENV is another one
 */
export function refuseProduction(env: Environment): void {
  const { NODE_ENV: nodeEnv } = withoutBlanks(env);
  if (allowsSandbox(nodeEnv)) return;
  throw new ConfigError([
    `NODE_ENV=${nodeEnv}: the sandbox is refused, since it lets anyone log in as anyone`,
  ]);
}

/** Other names in use for a setting: `WX_APPSECRET` is what many tutorials write, `MYSQL_USERNAME` what WeChat Cloud Run gives. */
const ALIASES = { WX_APPSECRET: 'WX_SECRET', MYSQL_USERNAME: 'MYSQL_USER' } as const;
const NAMES = { ...ALIASES, MYSQL_ADDRESS: 'MYSQL_HOST' } as const;

/** Where one of them is given, the other is not missing. */
const INSTEAD: Readonly<Record<string, string>> = {
  WX_APPID: 'WX_APPS',
  WX_SECRET: 'WX_APPS',
  WX_APPS: 'WX_APPID',
};

/** Every problem of the environment, by name; never a value, since it may be a secret. */
/** Whether a name is one of a setting. */
export function isSetting(name: string): boolean {
  return Object.hasOwn(environment.shape, name) || Object.hasOwn(NAMES, name);
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem(s):\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

export type Config = ReturnType<typeof loadConfig>;

/**
 * Reads the settings from an environment such as `process.env`. An empty value counts as not set.
 * @param inFile the names among them that stand in a file written for us, such as `.env`
 * @throws {ConfigError} naming every problem at once.
 */
export function loadConfig(env: Environment, inFile: readonly string[] = []) {
  const given = withoutBlanks(env);
  const parsed = environment.safeParse(given, { error: (issue) => textOf(issue as z.core.$ZodIssue).en });
  const issues = parsed.error?.issues ?? [];
  const unknown = unknownSettings(
    Object.keys(env).filter((name) => env[name]?.trim()),
    {
      settings: Object.keys(environment.shape),
      aliases: NAMES,
      isGiven: (name) => [name, INSTEAD[name] ?? name].some((each) => given[each] !== undefined),
      inFile,
    },
  );
  const problems = [
    ...unknown.problems,
    ...issues.map(({ path, message }) => `${placeIn(path)} ${message}`),
    ...secretProblems(withoutRefused(given, issues)),
    ...contradictions(given),
    ...(given['MYSQL_HOST'] && given['MYSQL_DATABASE'] ? mysqlProblem(parsed.data) : []),
    ...proxyProblems(parsed.data, env),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError([...problems, ...unknown.warnings]);

  const settings = parsed.data;
  const sandbox = settings.WX_APPID === undefined && settings.WX_APPS === undefined;
  const databaseUrl = settings.DATABASE_URL ?? mysqlUrl(settings) ?? 'sqlite:./data/weapp-login.db';
  return {
    /** What was given and has no effect; for the log and the doctor. */
    warnings: [...unknown.warnings, ...hostWarnings(settings.HOST, inFile)],
    sandbox,
    /** What the way to another server leads through. */
    proxyFor: (url: string): HttpProxy | undefined => proxyFor(url, env),
    host: settings.HOST ?? (sandbox ? '127.0.0.1' : undefined),
    port: settings.PORT,
    trustProxy: settings.TRUST_PROXY ?? (false as const),
    logLevel: settings.LOG_LEVEL,
    loginRateLimit: settings.LOGIN_RATE_LIMIT,
    redisUrl: settings.REDIS_URL,
    startWaitSeconds: settings.START_WAIT,
    databaseUrl,
    /** Of the times that a tutorial's table has, where its owner says it. */
    databaseTimezone: settings.DB_TIMEZONE,
    /** The mini programs; in the sandbox its own, whose secret is no secret. */
    apps: appsOf(settings),
    publicUrl: settings.PUBLIC_URL,
    avatars: {
      store: avatarStoreOf(settings, databaseUrl, env),
      maxBytes: settings.AVATAR_MAX_BYTES,
    },
    wechat: {
      apiBase: settings.WX_API_BASE,
      timeoutMs: settings.WX_TIMEOUT_MS,
      tokenMode: settings.WX_TOKEN_MODE,
      profileStrict: settings.WX_PROFILE_STRICT,
      phoneCheckOpenid: settings.WX_PHONE_CHECK_OPENID,
      /** Which pair of headers of WeChat Cloud Run says who is calling, if any. */
      trustedCloudHeaders: cloudHeadersOf(settings),
      contentCheck: settings.WX_CONTENT_CHECK,
    },
    callback:
      settings.WX_CALLBACK_TOKEN === undefined
        ? undefined
        : { token: settings.WX_CALLBACK_TOKEN, aesKey: settings.WX_CALLBACK_AES_KEY },
    sessions: {
      limit: settings.SESSION_LIMIT,
      cacheSeconds: settings.SESSION_CACHE_SECONDS,
      idleSeconds: settings.SESSION_IDLE,
    },
    jwt: {
      secret: settings.JWT_SECRET,
      previousSecrets: settings.JWT_PREVIOUS_SECRETS ?? [],
      privateKey: settings.JWT_PRIVATE_KEY_FILE,
      previousKeys: settings.JWT_PREVIOUS_KEY_FILES ?? [],
      lifetimeSeconds: settings.JWT_EXPIRES_IN,
      issuer: settings.JWT_ISSUER,
    },
  };
}

type Settings = z.output<typeof environment>;
type Environment = Readonly<Record<string, string | undefined>>;

/** A mini program and its AppSecret; none in the sandbox. */
export interface AppSettings {
  readonly appid: string;
  readonly secret: string | undefined;
}

function appsOf({ WX_APPID, WX_SECRET, WX_APPS }: Settings): readonly [AppSettings, ...AppSettings[]] {
  const [first, ...others] = WX_APPS ?? [];
  return first ? [first, ...others] : [{ appid: WX_APPID ?? SANDBOX_APPID, secret: WX_SECRET }];
}

function cloudHeadersOf(settings: Settings): 'X-WX' | 'X-WX-FROM' | undefined {
  if (settings.WX_TRUST_CLOUD_FROM_HEADERS) return 'X-WX-FROM';
  return settings.WX_TRUST_CLOUD_HEADERS ? 'X-WX' : undefined;
}

function withoutBlanks(env: Environment): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [alias, name] of Object.entries(ALIASES)) {
    const value = env[alias]?.trim();
    if (value) given[name] = value;
  }
  // WeChat Cloud Run: host and port in one.
  const [, host, port] = /^(.+?)(?::(\d+))?$/.exec(env['MYSQL_ADDRESS']?.trim() ?? '') ?? [];
  if (host) given['MYSQL_HOST'] = host;
  if (port) given['MYSQL_PORT'] = port;
  for (const name of Object.keys(environment.shape)) {
    const value = env[name]?.trim();
    if (value) given[name] = value;
  }
  // Kubernetes sets it to a URL for every Service named mysql.
  if (given['MYSQL_PORT']?.startsWith('tcp://')) delete given['MYSQL_PORT'];
  return given;
}

/** What is left once the schema has refused some: those need no second problem. */
function withoutRefused(
  given: Record<string, string>,
  issues: readonly { readonly path: readonly PropertyKey[] }[],
): Record<string, string> {
  const refused = new Set(issues.map(({ path: [name] }) => name));
  return Object.fromEntries(Object.entries(given).filter(([name]) => !refused.has(name)));
}

/** The setting's name; of one that is a list, which of its values too. */
function placeIn([name, index]: readonly PropertyKey[]): string {
  return `${String(name)}${typeof index === 'number' ? ` (number ${index + 1})` : ''}`;
}

function allowsSandbox(nodeEnv = 'development'): boolean {
  return /^(?:dev|development|test)$/i.test(nodeEnv);
}

/** Some shells have the machine's name in HOST, and nobody meant it as a setting. */
function hostWarnings(host: string | undefined, inFile: readonly string[]): string[] {
  if (!isMachineName(host) || inFile.includes('HOST')) return [];
  return [
    'HOST is the name of this machine, as csh and zsh set it: the server listens only where that leads. Start with HOST=127.0.0.1, or HOST=0.0.0.0 for all addresses',
  ];
}

/** What is wrong between settings that are each well-formed. */
function contradictions(given: Record<string, string>): string[] {
  const has = (name: keyof typeof environment.shape) => given[name] !== undefined;
  const problems: string[] = [];
  const nodeEnv = given['NODE_ENV'] ?? 'development';
  const real = has('WX_APPID') || has('WX_APPS');
  if (!real && !allowsSandbox(nodeEnv)) {
    problems.push(
      `WX_APPID is not set: with NODE_ENV=${nodeEnv} the sandbox is refused, since it lets anyone log in as anyone. ` +
        'Set WX_APPID and WX_SECRET (WeChat console: Development > Development settings) and JWT_SECRET',
    );
  }
  // No URL can have one, and the sandbox is called by URL.
  if (!real && given['HOST']?.includes('%'))
    problems.push(
      'HOST has a zone (behind the %), by which the sandbox cannot call itself: set HOST=::1 or 127.0.0.1',
    );
  if (has('WX_APPID') && !has('WX_SECRET'))
    problems.push('WX_SECRET is not set: WX_APPID needs its AppSecret');
  if (has('WX_APPS') && (has('WX_APPID') || has('WX_SECRET')))
    problems.push('WX_APPS is set, and WX_APPID or WX_SECRET too: name all mini programs in WX_APPS');
  else if (!has('WX_APPID') && has('WX_SECRET')) problems.push('WX_APPID is not set, but WX_SECRET is');
  if (real && !has('JWT_SECRET')) {
    problems.push('JWT_SECRET is not set: make one with `npx weapp-login keygen`');
  }
  if (has('WX_CALLBACK_AES_KEY') && !has('WX_CALLBACK_TOKEN')) {
    problems.push('WX_CALLBACK_TOKEN is not set, but WX_CALLBACK_AES_KEY is');
  }
  const isOn = (name: 'WX_CONTENT_CHECK' | 'WX_TRUST_CLOUD_HEADERS' | 'WX_TRUST_CLOUD_FROM_HEADERS') =>
    environment.shape[name].safeParse(given[name]).data === true;
  if (isOn('WX_TRUST_CLOUD_HEADERS') && isOn('WX_TRUST_CLOUD_FROM_HEADERS')) {
    problems.push(
      'WX_TRUST_CLOUD_HEADERS and WX_TRUST_CLOUD_FROM_HEADERS are both set: set the second alone under resource sharing, else the first. ' +
        'The gateway fills one pair of headers; the other could come from the client',
    );
  }
  if (isOn('WX_CONTENT_CHECK')) {
    if (!has('WX_CALLBACK_TOKEN'))
      problems.push(
        'WX_CALLBACK_TOKEN is not set, but WX_CONTENT_CHECK is: no verdict on a picture would arrive',
      );
    if (real && !has('PUBLIC_URL') && !given['AVATAR_STORE']?.startsWith('s3'))
      problems.push('PUBLIC_URL is not set, but WX_CONTENT_CHECK is: WeChat could load no picture');
  }
  const cacheSeconds = environment.shape.SESSION_CACHE_SECONDS.safeParse(given['SESSION_CACHE_SECONDS']).data;
  const idleSeconds = environment.shape.SESSION_IDLE.safeParse(given['SESSION_IDLE']).data;
  // A session in use that is remembered is not asked for, and so seems unused.
  if (cacheSeconds !== undefined && idleSeconds !== undefined && cacheSeconds > idleSeconds / 2) {
    problems.push(
      'SESSION_CACHE_SECONDS is more than half of SESSION_IDLE: sessions in use would end. Make it smaller',
    );
  }
  if (!has('DATABASE_URL') && has('MYSQL_HOST') !== has('MYSQL_DATABASE')) {
    problems.push('MYSQL_HOST and MYSQL_DATABASE go together: set both, or DATABASE_URL alone');
  }
  return problems;
}

/** Of the MYSQL_* names; what is wrong with it is said by parseMysqlUrl. */
function mysqlUrl(settings: Settings): string | undefined {
  const { MYSQL_HOST: host, MYSQL_PORT: port, MYSQL_DATABASE: database = '' } = settings;
  if (!host) return undefined;
  const [user, password] = [settings.MYSQL_USER, settings.MYSQL_PASSWORD ?? ''].map(encodeURIComponent);
  const bracketed = isIP(host) === 6 ? `[${host}]` : host;
  return `mysql://${user}:${password}@${bracketed}:${port}/${encodeURIComponent(database)}`;
}

function mysqlProblem(settings: Settings | undefined): string[] {
  if (!settings || settings.DATABASE_URL) return [];
  try {
    parseMysqlUrl(mysqlUrl(settings) ?? 'mysql://host/database');
    return [];
  } catch (error) {
    return [`MYSQL_HOST, MYSQL_DATABASE make a URL that ${(error as Error).message}`];
  }
}

function avatarStoreOf(
  { AVATAR_STORE: store }: Settings,
  databaseUrl: string,
  env: Environment,
): AvatarStoreAddress {
  if (store?.kind === 's3') return { ...store, proxy: proxyFor(store.objects, env) };
  return store ?? besideDatabase(databaseUrl);
}

/** Of the proxies in the environment, for where this server calls. */
function proxyProblems(settings: Settings | undefined, env: Environment): string[] {
  if (!settings) return [];
  const { WX_APPID, WX_APPS, WX_API_BASE: apiBase, AVATAR_STORE: store } = settings;
  const called = [
    ...((WX_APPID ?? WX_APPS) ? [apiBase] : []),
    ...(store?.kind === 's3' ? [store.objects] : []),
  ];
  const problems = called.flatMap((url) => {
    try {
      proxyFor(url, env);
      return [];
    } catch (error) {
      return (error as Error).message;
    }
  });
  return [...new Set(problems)];
}
