import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseAvatarStore } from './avatar-store-url.ts';
import { parseMysqlUrl } from './database-url.ts';
import { readPrivateKey, readPublicKey } from './key-file.ts';
import { hostProblem } from './listen-host.ts';
import { parseRedisUrl } from './redis-url.ts';
import { parseTrustProxy } from './trust-proxy.ts';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

interface Words {
  readonly en: string;
  readonly zh: string;
}

interface About extends Words {
  /** Said where the schema itself has no fixed default. */
  readonly default?: Words;
  readonly example?: string;
}

/** What the documents say of a setting; `.env.example` and README's table are held against it. */
export const settings = z.registry<About>();

const flag = z.stringbool({ truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] });
const wholeNumber = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().min(min).max(max));

const listenHost = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
  .superRefine((host, context) => {
    const message = hostProblem(host);
    if (message) context.addIssue({ code: 'custom', message });
  });

const OF_DOCKER =
  'is what links of Docker and Services of Kubernetes set, no port to listen on: start with PORT=8888';
const listenPort = z
  .string()
  .refine((text) => !/^\w+:\/\//.test(text), OF_DOCKER)
  .pipe(wholeNumber(0, 65_535));

const keyFile = (read: (file: string) => KeyObject) =>
  z.string().transform((file, context) => {
    try {
      return read(file);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

const listOf = <Value extends z.ZodType<unknown, string>>(value: Value) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(value));

const duration = z
  .string()
  .regex(/^\d+[smhdw]?$/, 'must be a number of seconds, or a number with s, m, h, d or w, like 7d or 8640h')
  .transform((text) => {
    const unit = SECONDS[text.at(-1) as keyof typeof SECONDS];
    return unit === undefined ? Number(text) : Number.parseInt(text, 10) * unit;
  });
const atMostTenYears = z.number().max(315_360_000, 'must be at most ten years');
const lifetime = duration.pipe(atMostTenYears.min(60, 'must be at least 60 seconds'));
const idleTime = duration.pipe(atMostTenYears.min(600, 'must be at least 10 minutes'));

const startWait = duration.pipe(z.number().max(3600, 'must be at most one hour'));

const databaseUrl = z.string().superRefine((text, context) => {
  // libsql takes a URL for a server elsewhere.
  if (/^sqlite:[a-z][a-z0-9+.-]+:/i.test(text)) {
    context.addIssue({ code: 'custom', message: 'must be sqlite:<file>, the path alone' });
    return;
  }
  if (text.startsWith('sqlite:') && text.length > 'sqlite:'.length) return;
  try {
    parseMysqlUrl(text);
  } catch (error) {
    const problem = text.startsWith('mysql:')
      ? (error as Error).message
      : 'must be sqlite:<file> or mysql://…';
    context.addIssue({ code: 'custom', message: problem });
  }
});

const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const appid = z
  .string()
  .regex(/^wx[0-9a-f]{16}$/, 'must be wx and 16 hex digits, as the WeChat console shows it');
const appSecret = z
  .string()
  .regex(/^[0-9a-f]{32}$/i, 'must be 32 hex digits, as the WeChat console shows it');

const apps = z.string().transform((text, context) => {
  const pairs = text.split(',').map((pair) => pair.trim().split(':'));
  const wellFormed = pairs.every(
    ([id, secret, ...more]) =>
      appid.safeParse(id).success && appSecret.safeParse(secret).success && more.length === 0,
  );
  if (wellFormed && new Set(pairs.map(([id]) => id)).size === pairs.length)
    return pairs.map(([id = '', secret = '']) => ({ appid: id, secret }));
  const message = 'must be <AppID>:<AppSecret>, several separated by commas, each AppID once';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const avatarStore = z.string().transform((text, context) => {
  try {
    return parseAvatarStore(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** An address and a path that others are appended to. */
const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .refine((url) => /^[^?#@]+$/.test(url), 'must be an address and a path only')
  .transform((url) => url.replace(/(?<!\/)\/+$/, ''));

const trustProxy = z.string().transform((text, context) => {
  try {
    return parseTrustProxy(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** Every environment name that the server reads; the only place where they stand. */
export const environment = z.object({
  NODE_ENV: z.string().toLowerCase().default('development').register(settings, {
    en: 'The sandbox starts with `development` or `test` only',
    zh: '只有 `development` 或 `test` 时才能使用沙箱',
  }),
  HOST: listenHost.optional().register(settings, {
    en: 'Address to listen on',
    zh: '监听地址',
    default: { en: 'all addresses; `127.0.0.1` in the sandbox', zh: '所有地址；沙箱为 `127.0.0.1`' },
    example: '127.0.0.1',
  }),
  PORT: listenPort.prefault('8888').register(settings, {
    en: 'Port to listen on; `0` takes a free one',
    zh: '监听端口；`0` 表示任取一个空闲端口',
  }),
  TRUST_PROXY: trustProxy.optional().register(settings, {
    en: 'How many reverse proxies stand in front, or their addresses, so that limits see the real client; `0` says that there is none. See [docs/deploy.md](docs/deploy.md)',
    zh: '前面有几层反向代理，或它们的地址，使限流看到真实的客户端地址；`0` 表示没有。见 [docs/deploy.md](docs/deploy.md)',
    default: { en: 'none', zh: '无' },
    example: '1',
  }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
    .default('info')
    .register(settings, {
      en: 'Least level that is logged',
      zh: '日志级别',
    }),
  LOGIN_RATE_LIMIT: wholeNumber(1, 1_000_000).prefault('60').register(settings, {
    en: 'Logins a minute from one address',
    zh: '每个地址每分钟最多登录次数',
  }),
  DATABASE_URL: databaseUrl.optional().register(settings, {
    en: '`sqlite:<file>` or `mysql://user:password@host:3306/database`; see [docs/databases.md](docs/databases.md)',
    zh: '`sqlite:<文件>` 或 `mysql://用户:密码@主机:3306/库名`；见 [docs/databases.md](docs/databases.md)',
    default: { en: '`sqlite:./data/weapp-login.db`', zh: '`sqlite:./data/weapp-login.db`' },
    example: 'mysql://weapp:password@127.0.0.1:3306/weapp',
  }),
  DB_TIMEZONE: z
    .string()
    .regex(/^(?:[+-](?:0\d|1[0-2]):[0-5]\d|\+13:00)$/, 'must be a difference from UTC, like +08:00')
    .optional()
    .register(settings, {
      en: "Time zone of the times in a tutorial's table that is taken over, asked for where it has any; see [docs/databases.md](docs/databases.md)",
      zh: '接管教程的表时，表中时间所属的时区；只在表中有时间时才需要，见 [docs/databases.md](docs/databases.md)',
      default: { en: 'none', zh: '无' },
      example: '+08:00',
    }),
  MYSQL_HOST: z
    .string()
    .optional()
    .register(settings, {
      en: 'With the four below: another way to name a MySQL server, when `DATABASE_URL` is not set',
      zh: '与下面四项一起：未设置 `DATABASE_URL` 时指定 MySQL 服务器的另一种方式',
      default: { en: 'none', zh: '无' },
      example: '127.0.0.1',
    }),
  MYSQL_PORT: wholeNumber(1, 65_535).prefault('3306').register(settings, {
    en: 'Its port',
    zh: '端口',
  }),
  MYSQL_USER: z.string().default('root').register(settings, { en: 'Its user', zh: '用户名' }),
  MYSQL_PASSWORD: z
    .string()
    .optional()
    .register(settings, {
      en: 'Its password',
      zh: '密码',
      default: { en: 'none', zh: '无' },
      example: 'password',
    }),
  MYSQL_DATABASE: z
    .string()
    .optional()
    .register(settings, {
      en: 'Its database',
      zh: '库名',
      default: { en: 'none; required with `MYSQL_HOST`', zh: '无；设置 `MYSQL_HOST` 时必填' },
      example: 'weapp',
    }),
  REDIS_URL: redisUrl.optional().register(settings, {
    en: 'Keeps the sessions in Redis, and tells all instances at once what ends: `redis://…`, `redis-cluster://…` or `redis-sentinel://…`; see [docs/redis.md](docs/redis.md)',
    zh: '会话存放在 Redis 中，会话结束时立即通知所有实例：`redis://…`、`redis-cluster://…` 或 `redis-sentinel://…`；见 [docs/redis.md](docs/redis.md)',
    default: { en: 'none: sessions are in the database', zh: '无：会话存放在数据库中' },
    example: 'redis://:password@127.0.0.1:6379/0',
  }),
  START_WAIT: startWait.prefault('30s').register(settings, {
    en: 'How long a start waits for a database or Redis that is not up yet; written as `JWT_EXPIRES_IN`, `0` does not wait',
    zh: '启动时等待尚未就绪的数据库或 Redis 的最长时间；格式同 `JWT_EXPIRES_IN`，`0` 表示不等待',
  }),
  WX_APPID: appid.optional().register(settings, {
    en: 'AppID of the mini program; without one the local WeChat (the sandbox) is used',
    zh: '小程序的 AppID；不设置则使用本地微信（沙箱）',
    default: { en: 'none: the sandbox', zh: '无：使用沙箱' },
    example: 'wx0123456789abcdef',
  }),
  WX_SECRET: appSecret.optional().register(settings, {
    en: 'Its AppSecret; `WX_APPSECRET` is read too',
    zh: 'AppSecret；也可写作 `WX_APPSECRET`',
    default: { en: 'none; required with `WX_APPID`', zh: '无；设置 `WX_APPID` 时必填' },
    example: '0123456789abcdef0123456789abcdef',
  }),
  WX_APPS: apps.optional().register(settings, {
    en: 'Several mini programs instead of one: `<AppID>:<AppSecret>`, separated by commas; the first is taken where a request does not say',
    zh: '多个小程序（代替上面两项）：`<AppID>:<AppSecret>`，以逗号分隔；请求未指明时使用第一个',
    default: { en: 'none', zh: '无' },
    example:
      'wx0123456789abcdef:0123456789abcdef0123456789abcdef,wxfedcba9876543210:fedcba9876543210fedcba9876543210',
  }),
  WX_API_BASE: baseUrl
    .prefault('https://api.weixin.qq.com')
    .register(settings, { en: 'Where WeChat answers', zh: '微信接口地址' }),
  WX_TIMEOUT_MS: wholeNumber(100, 60_000).prefault('5000').register(settings, {
    en: 'Longest wait for WeChat in one call, such as a login, in milliseconds',
    zh: '一次调用（如登录）中等待微信的最长时间（毫秒）',
  }),
  WX_TOKEN_MODE: z.enum(['stable', 'plain']).default('stable').register(settings, {
    en: 'How the access_token is fetched: `stable` (`stable_token`), or `plain` (`cgi-bin/token`), where each fetch ends the token before: several instances then need `REDIS_URL`',
    zh: '获取 access_token 的方式：`stable`（`stable_token`），或 `plain`（`cgi-bin/token`，每次获取都会使上一个失效，因此多个实例必须设置 `REDIS_URL`）',
  }),
  WX_PROFILE_STRICT: flag.prefault('false').register(settings, {
    en: 'Refuse a login whose profile cannot be verified, instead of logging in without it',
    zh: '用户资料无法验证时拒绝登录，而不是忽略资料',
  }),
  WX_TRUST_CLOUD_HEADERS: flag.prefault('false').register(settings, {
    en: 'On WeChat Cloud Run: a request with `X-WX-OPENID` logs in without a code. Only where nobody can reach the server past its gateway: see [docs/cloud-run.md](docs/cloud-run.md)',
    zh: '微信云托管：带有 `X-WX-OPENID` 的请求无需 code 即可登录。仅当所有请求都必须经过其网关时才可开启，见 [docs/cloud-run.md](docs/cloud-run.md)',
  }),
  WX_TRUST_CLOUD_FROM_HEADERS: flag.prefault('false').register(settings, {
    en: 'The same under resource sharing between mini programs, by `X-WX-FROM-OPENID`; not together with the one above',
    zh: '同上，用于多个小程序资源复用：以 `X-WX-FROM-OPENID` 为准；不能与上一项同时开启',
  }),
  WX_PHONE_CHECK_OPENID: flag.prefault('false').register(settings, {
    en: "Sends the user's openid with the code of a getPhoneNumber button, so that WeChat refuses the code of another user. Off until it was seen to work with a real mini program: try it with yours",
    zh: '用手机号按钮的 code 换取手机号时附上用户的 openid，由微信拒绝其他用户的 code。尚未在真实小程序上验证，默认关闭：请先用你的小程序试一下',
  }),
  WX_CALLBACK_TOKEN: z
    .string()
    .regex(/^[A-Za-z0-9]{16,32}$/, 'must be 16 to 32 letters and digits, as entered in the WeChat console')
    .optional()
    .register(settings, {
      en: 'Token of the message push, 16 to 32 random letters and digits; `npx weapp-login keygen callback` makes one, and the AES key: WeChat may tell us what users take back; see [docs/callback.md](docs/callback.md)',
      zh: '消息推送的 Token，16 到 32 位随机字母和数字，可用 `npx weapp-login keygen callback` 与 AES Key 一并生成：微信据此通知用户撤回授权、注销等；见 [docs/callback.md](docs/callback.md)',
      default: { en: 'none: there is no callback', zh: '无：没有回调接口' },
      example: 'paste-the-token-here',
    }),
  WX_CALLBACK_AES_KEY: z
    .string()
    .regex(/^[A-Za-z0-9]{43}$/, 'must be 43 letters and digits, as the WeChat console shows it')
    .optional()
    .register(settings, {
      en: 'EncodingAESKey of the message push; with it, only encrypted messages count',
      zh: '消息推送的 EncodingAESKey；设置后只接受加密的消息',
      default: { en: 'none: messages in plain text', zh: '无：明文消息' },
      example: 'paste-the-EncodingAESKey-here',
    }),
  WX_CONTENT_CHECK: flag.prefault('false').register(settings, {
    en: 'Has WeChat check the names and pictures that users choose; needs `WX_CALLBACK_TOKEN`, since WeChat tells the verdict on a picture there. See [docs/content-check.md](docs/content-check.md)',
    zh: '由微信检测用户设置的昵称和头像；需要 `WX_CALLBACK_TOKEN`，因为图片的检测结果由消息推送送达。见 [docs/content-check.md](docs/content-check.md)',
  }),
  JWT_SECRET: z
    .string()
    .optional()
    .register(settings, {
      en: 'Secret that signs the tokens and seals the session_keys, at least 32 bytes; `npx weapp-login keygen` makes one. With `JWT_PRIVATE_KEY_FILE` it signs no more, but the tokens it signed stay valid until it is changed',
      zh: '签发 token、加密 session_key 的密钥，至少 32 字节；用 `npx weapp-login keygen` 生成。设置 `JWT_PRIVATE_KEY_FILE` 后不再用它签发，但它签发过的 token 在更换它之前仍然有效',
      default: {
        en: 'none; required outside the sandbox, which makes one beside its database',
        zh: '无；沙箱以外必填，沙箱会在数据库旁自动生成',
      },
      example: 'change-me-to-a-random-string-of-32-bytes-or-more',
    }),
  JWT_PREVIOUS_SECRETS: listOf(z.string())
    .optional()
    .register(settings, {
      en: 'Earlier secrets, separated by commas, whose tokens stay valid while rotating',
      zh: '轮换期间仍然有效的旧密钥，以逗号分隔',
      default: { en: 'none', zh: '无' },
      example: 'change-me-to-a-random-string-of-32-bytes-or-more',
    }),
  JWT_PRIVATE_KEY_FILE: keyFile(readPrivateKey)
    .optional()
    .register(settings, {
      en: 'PEM file of a private key that signs the tokens, so that other services can verify them: EC P-256 (ES256), or RSA of at least 2048 bits (RS256); `npx weapp-login keygen es256 <file>` makes one',
      zh: '签发 token 的私钥 PEM 文件，使其他服务也能验证：EC P-256（ES256），或至少 2048 位的 RSA（RS256）；用 `npx weapp-login keygen es256 <文件>` 生成',
      default: { en: 'none: `JWT_SECRET` signs (HS256)', zh: '无：用 `JWT_SECRET` 签发（HS256）' },
      example: 'jwt-key.pem',
    }),
  JWT_PREVIOUS_KEY_FILES: listOf(keyFile(readPublicKey))
    .optional()
    .register(settings, {
      en: 'Other PEM files, private or public, separated by commas, whose tokens are valid too while rotating',
      zh: '轮换期间同样有效的其他 PEM 文件（私钥或公钥），以逗号分隔',
      default: { en: 'none', zh: '无' },
      example: 'jwt-key-before.pem',
    }),
  JWT_EXPIRES_IN: lifetime.prefault('7d').register(settings, {
    en: 'Life of a token: seconds, or a number with `s`, `m`, `h`, `d` or `w`',
    zh: 'token 有效期：秒数，或带 `s`、`m`、`h`、`d`、`w` 的数字',
  }),
  SESSION_LIMIT: wholeNumber(1, 1000).prefault('10').register(settings, {
    en: 'Sessions per user; the oldest ends',
    zh: '每个用户最多的登录会话数，超出时最早的失效',
  }),
  SESSION_CACHE_SECONDS: wholeNumber(0, 3600).prefault('5').register(settings, {
    en: 'How long an instance remembers that a session is good: so late it learns that another one ended it; `0` asks every time',
    zh: '每个实例记住会话有效的秒数，即最迟多久得知其他实例结束了会话；`0` 表示每次都查询',
  }),
  SESSION_IDLE: idleTime.optional().register(settings, {
    en: 'A session that was not used for so long ends; written as `JWT_EXPIRES_IN`, at least 10 minutes. The last use is known to a minute and `SESSION_CACHE_SECONDS`: it may end that much sooner',
    zh: '会话多久未使用即失效；格式同 `JWT_EXPIRES_IN`，至少 10 分钟。最后使用时间的误差为一分钟加 `SESSION_CACHE_SECONDS`，因此可能提前这么久失效',
    default: { en: 'none: until its token expires', zh: '无：直到 token 过期' },
    example: '1d',
  }),
  PUBLIC_URL: baseUrl.optional().register(settings, {
    en: 'Where users reach this server, for the URLs of the pictures that they upload; a sandbox answers to its host too, also through a proxy unless the host is local or private',
    zh: '用户访问本服务的地址，用于上传图片的 URL；沙箱也接受这个域名，包括经过代理的请求（本地名称或内网地址除外）',
    default: {
      en: 'none: no uploads to a folder; the sandbox takes the address it listens at',
      zh: '无：不能上传到文件夹；沙箱使用其监听地址',
    },
    example: 'https://login.example.com',
  }),
  AVATAR_STORE: avatarStore.optional().register(settings, {
    en: 'Where uploaded pictures are kept: `file:<folder>`, or `s3://key:secret@host/bucket?region=…`; see [docs/avatars.md](docs/avatars.md)',
    zh: '上传图片的存放位置：`file:<文件夹>`，或 `s3://key:secret@host/bucket?region=…`；见 [docs/avatars.md](docs/avatars.md)',
    default: {
      en: '`avatars` beside the embedded database, or in `./data`',
      zh: '嵌入式数据库旁（或 `./data` 中）的 `avatars`',
    },
    example: 'file:./data/avatars',
  }),
  AVATAR_MAX_BYTES: wholeNumber(1024, 20_971_520).prefault('5242880').register(settings, {
    en: 'The largest picture that may be uploaded, in bytes',
    zh: '上传图片的最大字节数',
  }),
  JWT_ISSUER: z.string().default('weapp-login').register(settings, {
    en: 'The `iss` of the tokens; another one is refused',
    zh: 'token 的 `iss`；其他值会被拒绝',
  }),
});
