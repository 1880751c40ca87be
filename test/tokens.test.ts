import { createHmac, generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { JWT_SECRET } from './support/app.ts';
import { freshSqlite } from './support/engines.ts';
import { keepSecret } from './support/no-secrets.ts';
import { me, open, part, startReal } from './support/tokens.ts';

const OTHER_SECRET = 'nWYonjfIAvQUSqtdbm/7d8fQubaia7FTfStfUNSQ';

describe('forged and foreign tokens', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  type Forge = (good: ReturnType<typeof open>) => string;
  const forgeries: [string, Forge, string][] = [
    [
      'signed with another key',
      ({ kid, claims }) => jwt.sign(claims, OTHER_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    [
      'without a signature (alg none)',
      ({ kid, claims }) => `${part({ alg: 'none', kid })}.${part(claims)}.`,
      'token_invalid',
    ],
    [
      'RS256 by a key of the forger',
      ({ kid, claims }) => jwt.sign(claims, privateKey, { algorithm: 'RS256', keyid: kid }),
      'token_invalid',
    ],
    [
      'RS256 in the header, signed with our secret’s bytes',
      ({ kid, claims }) => {
        const signed = `${part({ alg: 'RS256', typ: 'JWT', kid })}.${part(claims)}`;
        return `${signed}.${createHmac('sha256', JWT_SECRET).update(signed).digest('base64url')}`;
      },
      'token_invalid',
    ],
    [
      'HS256 with a public key as the secret',
      ({ kid, claims }) =>
        jwt.sign(claims, publicKey.export({ type: 'spki', format: 'pem' }).toString().slice(27, 200), {
          keyid: kid,
        }),
      'token_invalid',
    ],
    [
      'HS512 with our secret',
      ({ kid, claims }) => jwt.sign(claims, JWT_SECRET, { algorithm: 'HS512', keyid: kid }),
      'token_invalid',
    ],
    [
      'without exp',
      ({ kid, claims: { exp: _, ...claims } }) => jwt.sign(claims, JWT_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    [
      'with an exp that is no number',
      ({ kid, claims }) => {
        const signed = `${part({ alg: 'HS256', kid })}.${part({ ...claims, exp: 'never' })}`;
        return `${signed}.${createHmac('sha256', JWT_SECRET).update(signed).digest('base64url')}`;
      },
      'token_invalid',
    ],
    [
      'of another issuer',
      ({ kid, claims }) => jwt.sign({ ...claims, iss: 'somebody' }, JWT_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    [
      'of another mini program',
      ({ kid, claims }) => jwt.sign({ ...claims, appid: 'wxsandbox000000000' }, JWT_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    [
      'for a user that is no number',
      ({ kid, claims }) => jwt.sign({ ...claims, sub: '1 OR 1=1' }, JWT_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    ['without a kid', ({ claims }) => jwt.sign(claims, JWT_SECRET), 'token_invalid'],
    [
      'expired',
      ({ kid, claims }) => jwt.sign({ ...claims, iat: 1000, exp: 2000 }, JWT_SECRET, { keyid: kid }),
      'token_expired',
    ],
    [
      'expired and signed with another key',
      ({ kid, claims }) => jwt.sign({ ...claims, exp: 2000 }, OTHER_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    [
      'not yet valid',
      ({ kid, claims }) => jwt.sign({ ...claims, nbf: 99_999_999_999 }, JWT_SECRET, { keyid: kid }),
      'token_invalid',
    ],
    ['not a JWT', () => 'abc', 'token_invalid'],
    ['three empty parts', () => '..', 'token_invalid'],
    [
      'a JWT whose payload is a text',
      ({ kid }) => jwt.sign('text', JWT_SECRET, { keyid: kid }),
      'token_invalid',
    ],
  ];

  test.each(forgeries)('%s', async (_name, forge, code) => {
    const { app, token } = await startReal();
    const forged = forge(open(token));
    keepSecret(forged);
    const answer = await me(app, { Authorization: `Bearer ${forged}` });
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code, retry: 'login' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect((await me(app, { Authorization: `Bearer ${token}` })).status).toBe(200);
  });
});

test.each([
  ['', 'token_missing'],
  ['Bearer', 'token_missing'],
  ['Bearer undefined', 'token_missing'],
  ['null', 'token_missing'],
  ['Basic YWRtaW46YWRtaW4=', 'token_invalid'],
])('Authorization: «%s» is %s', async (authorization, code) => {
  const { app } = await startReal();
  expect((await me(app, { Authorization: authorization })).body).toMatchObject({ status: 401, code });
});

test('a secret in JWT_PREVIOUS_SECRETS goes on verifying; the new one signs; taken out, its tokens end', async () => {
  const database = await freshSqlite();
  const before = await startReal({}, database);
  const during = await startReal({ JWT_SECRET: OTHER_SECRET, JWT_PREVIOUS_SECRETS: JWT_SECRET }, database);
  const after = await startReal({ JWT_SECRET: OTHER_SECRET }, database);

  expect(open(during.token).kid).not.toBe(open(before.token).kid);
  expect((await me(during.app, { Authorization: before.token })).status).toBe(200);
  expect((await me(during.app, { Authorization: during.token })).status).toBe(200);
  expect((await me(after.app, { Authorization: during.token })).status).toBe(200);
  expect((await me(after.app, { Authorization: before.token })).body.code).toBe('token_invalid');
});

test.each([
  ['7d', 7 * 86_400],
  ['8640h', 8640 * 3600],
  ['3600', 3600],
])('JWT_EXPIRES_IN=%s', async (setting, seconds) => {
  const { token } = await startReal({ JWT_EXPIRES_IN: setting });
  const { iat = 0, exp = 0 } = open(token).claims;
  expect(exp - iat).toBe(seconds);
});

test('a kid tells nothing of its secret, and is the same on every instance', async () => {
  const [one, two] = [await startReal(), await startReal()];
  expect(open(one.token).kid).toBe(open(two.token).kid);
  expect(open(one.token).kid).toMatch(/^[\w-]{12}$/);
});
