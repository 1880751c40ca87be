import { z } from 'zod';
import { fault, target } from './faults.ts';

const TEN_YEARS_MS = 315_360_000_000;

/** `PUT /control/users/:user`. */
export const userRequest = z.object({
  profile: z.enum(['named', 'anonymous']).exactOptional(),
  nickName: z.string().max(200).exactOptional(),
  avatarUrl: z.string().max(1000).exactOptional(),
  gender: z.number().int().min(0).max(2).exactOptional(),
  phone: z
    .string()
    .regex(/^\d{5,15}$/)
    .exactOptional(),
  blocked: z.boolean().exactOptional(),
});

/** `POST /control/faults`. */
export const faultRequest = z.object({ endpoint: target.default('*') }).and(fault);

/** `POST /control/clock`. */
export const clockRequest = z.object({ advanceMs: z.number().int().min(-TEN_YEARS_MS).max(TEN_YEARS_MS) });

/** `PUT /control/settings`. */
export const settingsRequest = z.object({
  rotateAtLogin: z.boolean().exactOptional(),
  mediaCheckDelayMs: z.number().int().min(0).max(1_800_000).exactOptional(),
});

/** `PUT /control/apps/:appid`: a new app needs a secret. */
export const appRequest = z.object({
  secret: z.string().min(1).max(128).exactOptional(),
  secretFrozen: z.boolean().exactOptional(),
  ipWhitelist: z
    .array(z.unknown())
    .max(100) // before each is looked at
    .pipe(z.array(z.union([z.ipv4(), z.ipv6()])))
    .exactOptional(),
});

const NEEDS_KEY = {
  zh: '安全模式与兼容模式需要 43 个字符的 encodingAESKey',
  en: 'safe and compatible mode need an encodingAESKey of 43 characters',
};

/** `PUT /control/apps/:appid/callback`. */
export const callbackRequest = z
  .object({
    url: z.url({ protocol: /^https?$/ }),
    token: z.string().regex(/^[A-Za-z0-9]{3,32}$/),
    encodingAESKey: z
      .string()
      .regex(/^[A-Za-z0-9]{43}$/)
      .exactOptional(),
    mode: z.enum(['plain', 'compatible', 'safe']).default('plain'),
    /** Ask the URL for the echostr first, and take it only if that works. */
    verify: z.boolean().default(true),
  })
  .refine(({ mode, encodingAESKey }) => mode === 'plain' || encodingAESKey !== undefined, {
    path: ['encodingAESKey'],
    params: { text: NEEDS_KEY },
  });

/** `POST /control/events`. */
export const eventRequest = z.object({
  event: z.enum(['user_info_modified', 'user_authorization_revoke', 'user_authorization_cancellation']),
  user: z.string().trim().min(1).max(64),
  appid: z.string().exactOptional(),
  revokeInfo: z.string().max(16).default('6'),
});
