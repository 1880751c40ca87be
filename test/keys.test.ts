import { createHmac, type KeyObject, sign } from 'node:crypto';
import { calculateJwkThumbprint, createRemoteJWKSet, exportJWK, type JWTPayload, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { APPID, JWT_SECRET, type TestApp } from './support/app.ts';
import { freshSqlite } from './support/engines.ts';
import { ec, fileOf, pemOf, publicOf, rsa, thumbprintOf } from './support/keys.ts';
import { keepSecret } from './support/no-secrets.ts';
import { me, open, part, startReal } from './support/tokens.ts';
import { SESSION, startStandIn } from './support/wechat.ts';

const JWKS = '/.well-known/jwks.json';
const OTHER_SECRET = 'nWYonjfIAvQUSqtdbm/7d8fQubaia7FTfStfUNSQ';

const ES256 = { alg: 'ES256', key: ec() };
const OTHER_ES256 = { alg: 'ES256', key: ec() };
const RS256 = { alg: 'RS256', key: rsa() };

/** What another service does with a token, knowing nothing but the server's address. */
async function verifyElsewhere(app: TestApp, token: string, ...algorithms: string[]): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(JWKS, app.url));
  return (await jwtVerify(token, keys, { issuer: 'weapp-login', algorithms })).payload;
}

async function expectGood(app: TestApp, token: string): Promise<void> {
  expect((await me(app, { Authorization: token })).status).toBe(200);
}

async function expectInvalid(app: TestApp, token: string): Promise<void> {
  keepSecret(token);
  const { status, body } = await me(app, { Authorization: token });
  expect([status, body.code]).toEqual([401, 'token_invalid']);
}

describe.each([ES256, RS256])('a private key for $alg', ({ alg, key }) => {
  const env = () => ({ JWT_PRIVATE_KEY_FILE: fileOf(key) });

  test('signs tokens that others verify from the JWKS alone', async () => {
    const { app, token } = await startReal(env());
    await expectGood(app, token);
    expect(open(token)).toMatchObject({ alg, kid: await thumbprintOf(key) });
    const claims = await verifyElsewhere(app, token, alg);
    expect(claims).toMatchObject({ sub: '1', appid: APPID, openid: SESSION.openid, sid: expect.any(String) });
  });

  test('is published without its private half', async () => {
    const { app } = await startReal(env());
    const { status, headers, body } = await app.call('GET', JWKS);
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=300']);
    const members = alg === 'ES256' ? ['crv', 'x', 'y'] : ['e', 'n'];
    expect(Object.keys(body)).toEqual(['keys']);
    expect(body.keys.map((jwk: object) => Object.keys(jwk).toSorted())).toEqual([
      ['alg', 'kid', 'kty', 'use', ...members].toSorted(),
    ]);
    const jwk = await exportJWK(publicOf(key));
    expect(body.keys).toEqual([{ ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use: 'sig' }]);
  });

  test('what was tampered with or signed with another key is refused, here and elsewhere', async () => {
    const { app, token } = await startReal(env());
    const [header, , signature] = token.split('.');
    const { kid, claims } = open(token);
    const another = await startReal({
      JWT_PRIVATE_KEY_FILE: fileOf(alg === 'ES256' ? ec() : rsa()),
    });
    const forgeries = [
      `${header}.${part({ ...claims, sub: '2' })}.${signature}`,
      `${token.slice(0, -20)}AAAA${token.slice(-16)}`,
      another.token,
      forge({ alg, kid }, claims, signs(alg === 'ES256' ? ec() : rsa())),
    ];
    for (const forged of forgeries) {
      await expectInvalid(app, forged);
      await expect(verifyElsewhere(app, forged, alg)).rejects.toThrow(/signature|no applicable key/);
    }
    await verifyElsewhere(app, token, alg);
  });
});

test('with a secret only there is nothing to publish; others verify with the secret', async () => {
  const { app, token } = await startReal();
  const { status, body } = await app.call('GET', JWKS);
  expect([status, body.code]).toEqual([404, 'not_found']);
  const { payload } = await jwtVerify(token, Buffer.from(JWT_SECRET), {
    issuer: 'weapp-login',
    algorithms: ['HS256'],
  });
  expect(payload['appid']).toBe(APPID);
});

describe('rotation', () => {
  const ways = [
    [ES256, OTHER_ES256],
    [ES256, RS256],
    [RS256, ES256],
  ] as const;
  const rows = ways.flatMap(([from, to]) =>
    (['private', 'public'] as const).map((type) => ({ from, to, type, name: `${from.alg} to ${to.alg}` })),
  );

  test.each(rows)('from $name, with the former key as a $type PEM', async ({ from, to, type }) => {
    const database = await freshSqlite();
    const [former, current] = [fileOf(from.key), fileOf(to.key)];
    const kept = type === 'private' ? former : fileOf(publicOf(from.key));
    const start = (file: string, previous = '') =>
      startReal({ JWT_PRIVATE_KEY_FILE: file, JWT_PREVIOUS_KEY_FILES: previous }, database);
    const before = await start(former);
    const during = await start(current, kept);
    const after = await start(current);
    const kids = { from: await thumbprintOf(from.key), to: await thumbprintOf(to.key) };

    expect(open(during.token)).toMatchObject({ alg: to.alg, kid: kids.to });
    expect(await kidsOf(during.app)).toEqual([kids.to, kids.from]);
    for (const [pair, { token }] of [
      [from, before],
      [to, during],
    ] as const) {
      await expectGood(during.app, token);
      await verifyElsewhere(during.app, token, pair.alg);
    }

    expect(await kidsOf(after.app)).toEqual([kids.to]);
    await expectGood(after.app, during.token);
    await expectInvalid(after.app, before.token);
    await expect(verifyElsewhere(after.app, before.token, from.alg)).rejects.toThrow(/no applicable key/);
  });

  test('an instance that still signs with the former key takes the new one’s tokens, if it knows it', async () => {
    const database = await freshSqlite();
    const [former, current] = [fileOf(ES256.key), fileOf(RS256.key)];
    const behind = await startReal(
      { JWT_PRIVATE_KEY_FILE: former, JWT_PREVIOUS_KEY_FILES: `${current}, ${former}` },
      database,
    );
    const ahead = await startReal({ JWT_PRIVATE_KEY_FILE: current }, database);
    await expectGood(behind.app, ahead.token);
    expect(open(behind.token).alg).toBe('ES256');
    expect(await kidsOf(behind.app)).toEqual(
      await Promise.all([ES256, RS256].map((p) => thumbprintOf(p.key))),
    );
  });

  test.each([ES256, RS256])('from a secret to $alg and back logs nobody out', async ({ alg, key }) => {
    const database = await freshSqlite();
    const file = fileOf(key);
    const oldest = await startReal({ JWT_SECRET: OTHER_SECRET }, database);
    const rotated = { JWT_SECRET, JWT_PREVIOUS_SECRETS: OTHER_SECRET };
    const before = await startReal(rotated, database);
    const there = await startReal({ ...rotated, JWT_PRIVATE_KEY_FILE: file }, database);
    const back = await startReal({ ...rotated, JWT_PREVIOUS_KEY_FILES: file }, database);
    expect([before, there, back].map(({ token }) => open(token).alg)).toEqual(['HS256', alg, 'HS256']);
    for (const { token } of [oldest, before, there, back]) {
      await expectGood(there.app, token);
      await expectGood(back.app, token);
    }
    await verifyElsewhere(back.app, there.token, alg);
    await expectInvalid(before.app, there.token);
  });

  test('another JWT_SECRET ends the tokens of the secret, and not those of the key', async () => {
    const database = await freshSqlite();
    const env = { JWT_PRIVATE_KEY_FILE: fileOf(ES256.key) };
    const secret = await startReal({}, database);
    const key = await startReal(env, database);
    const after = await startReal({ ...env, JWT_SECRET: OTHER_SECRET }, database);
    await expectInvalid(after.app, secret.token);
    await expectGood(after.app, key.token);
  });
});

async function kidsOf(app: TestApp): Promise<string[]> {
  return (await app.call('GET', JWKS)).body.keys.map(({ kid }: { kid: string }) => kid);
}

type Sign = (text: string) => Buffer;

/** A token made by hand: its header says whatever its forger likes. */
function forge(header: object, claims: object, signer: Sign): string {
  const text = `${part({ typ: 'JWT', ...header })}.${part(claims)}`;
  return `${text}.${signer(text).toString('base64url')}`;
}

const mac =
  (key: string | Buffer, hash = 'sha256'): Sign =>
  (text) =>
    createHmac(hash, key).update(text).digest();
const signs =
  (key: KeyObject, hash = 'sha256', dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Sign =>
  (text) =>
    sign(hash, Buffer.from(text), { key, dsaEncoding });

describe('forged tokens, where ES256 signs and RS256 and HS256 are still valid', () => {
  const MISMATCH = 'not the algorithm of its key';
  const publicKeys = { es: publicOf(ES256.key), rs: publicOf(RS256.key) };
  const jwk = (key: KeyObject) => JSON.stringify(key.export({ format: 'jwk' }));
  const der = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
  const forger = ec();
  interface Good {
    readonly claims: object;
    /** The kids of the three keys. */
    readonly es: string;
    readonly rs: string;
    readonly hs: string;
  }
  /** Each with the reason in the log; where several checks would refuse it, the first one does. */
  const forgeries: [string, (good: Good) => string, string | RegExp][] = [
    ...(['es', 'rs'] as const).flatMap((of): [string, (good: Good) => string, string][] =>
      Object.entries({
        PEM: pemOf(publicKeys[of]),
        'PEM without its last newline': pemOf(publicKeys[of]).trim(),
        DER: der(publicKeys[of]),
        JWK: jwk(publicKeys[of]),
      }).map(([form, bytes]) => [
        `HS256, the secret being the public ${of} key as ${form}`,
        (good) => forge({ alg: 'HS256', kid: good[of] }, good.claims, mac(bytes)),
        MISMATCH,
      ]),
    ),
    [
      'ES256 in the header, a MAC with the public key behind it',
      ({ es, claims }) => forge({ alg: 'ES256', kid: es }, claims, mac(pemOf(publicKeys.es))),
      'unreadable',
    ],
    [
      'RS256 by our own RSA key, the EC key named',
      ({ es, claims }) => forge({ alg: 'RS256', kid: es }, claims, signs(RS256.key)),
      MISMATCH,
    ],
    [
      'ES256 by our own EC key, the RSA key named',
      ({ rs, claims }) => forge({ alg: 'ES256', kid: rs }, claims, signs(ES256.key)),
      MISMATCH,
    ],
    [
      'ES256 by our own EC key, the secret named',
      ({ hs, claims }) => forge({ alg: 'ES256', kid: hs }, claims, signs(ES256.key)),
      MISMATCH,
    ],
    [
      'HS256 by our own secret, the EC key named',
      ({ es, claims }) => forge({ alg: 'HS256', kid: es }, claims, mac(JWT_SECRET)),
      MISMATCH,
    ],
    [
      'RS512 by the right key',
      ({ rs, claims }) => forge({ alg: 'RS512', kid: rs }, claims, signs(RS256.key, 'sha512')),
      MISMATCH,
    ],
    [
      'es256 in small letters',
      ({ es, claims }) => forge({ alg: 'es256', kid: es }, claims, signs(ES256.key)),
      MISMATCH,
    ],
    ...['none', 'None', 'NONE'].map((alg): [string, (good: Good) => string, string] => [
      `alg ${alg}`,
      ({ es, claims }) => forge({ alg, kid: es }, claims, () => Buffer.alloc(0)),
      MISMATCH,
    ]),
    [
      'ES256 without a signature',
      ({ es, claims }) => forge({ alg: 'ES256', kid: es }, claims, () => Buffer.alloc(0)),
      'jwt signature is required',
    ],
    [
      'ES256 with a signature of zeros',
      ({ es, claims }) => forge({ alg: 'ES256', kid: es }, claims, () => Buffer.alloc(64)),
      'invalid signature',
    ],
    [
      'the right signature, in another encoding (DER)',
      ({ es, claims }) => forge({ alg: 'ES256', kid: es }, claims, signs(ES256.key, 'sha256', 'der')),
      'unreadable',
    ],
    [
      'the forger’s key in the header (jwk), our kid',
      ({ es, claims }) =>
        forge(
          { alg: 'ES256', kid: es, jwk: publicOf(forger).export({ format: 'jwk' }) },
          claims,
          signs(forger),
        ),
      'invalid signature',
    ],
    [
      'the forger’s key in the header (jwk), its own kid',
      ({ claims }) =>
        forge(
          { alg: 'ES256', kid: 'forger', jwk: publicOf(forger).export({ format: 'jwk' }) },
          claims,
          signs(forger),
        ),
      'unknown kid',
    ],
    [
      'a certificate in the header (x5c), our kid',
      ({ es, claims }) =>
        forge(
          { alg: 'ES256', kid: es, x5c: [der(publicOf(forger)).toString('base64')] },
          claims,
          signs(forger),
        ),
      'invalid signature',
    ],
    ['no kid', ({ claims }) => forge({ alg: 'ES256' }, claims, signs(ES256.key)), 'unknown kid'],
    [
      'a kid that is no text',
      ({ es, claims }) => forge({ alg: 'ES256', kid: [es] }, claims, signs(ES256.key)),
      'unknown kid',
    ],
  ];

  async function start() {
    const env = {
      JWT_PRIVATE_KEY_FILE: fileOf(ES256.key),
      JWT_PREVIOUS_KEY_FILES: fileOf(RS256.key),
    };
    const { app, token } = await startReal(env);
    const { claims, kid: es } = open(token);
    const hs = open((await startReal()).token).kid;
    return { app, token, claims, es, rs: await thumbprintOf(RS256.key), hs };
  }

  test.each(forgeries)('%s', async (_name, make, reason) => {
    const { app, token, ...good } = await start();
    await expectInvalid(app, make(good));
    const refusals = app.log.filter(({ code }) => code === 'token_invalid');
    const expected =
      typeof reason === 'string' ? expect.stringContaining(reason) : expect.stringMatching(reason);
    expect(refusals).toEqual([expect.objectContaining({ reason: expected })]);
    await expectGood(app, token);
  });

  test('the same by hand, but right, are good: it is the forgery that is refused', async () => {
    const { app, claims, es, rs, hs } = await start();
    const tokens = [
      forge({ alg: 'ES256', kid: es }, claims, signs(ES256.key)),
      forge({ alg: 'RS256', kid: rs }, claims, signs(RS256.key)),
      forge({ alg: 'HS256', kid: hs }, claims, mac(JWT_SECRET)),
    ];
    for (const token of tokens) {
      keepSecret(token);
      await expectGood(app, token);
    }
  });

  test.each(['jku', 'x5u'])('an address of keys in the header (%s) is not asked', async (name) => {
    const { app, claims, es } = await start();
    const elsewhere = await startStandIn();
    for (const kid of [es, 'forger']) {
      await expectInvalid(app, forge({ alg: 'ES256', kid, [name]: elsewhere.url }, claims, signs(forger)));
    }
    expect(elsewhere.asked).toEqual([]);
  });
});
