import { describe, expect, test } from 'vitest';
import vectors from './fixtures/wechat-vectors.json' with { type: 'json' };
import { realSettings, startApp } from './support/app.ts';
import { meet } from './support/contract.ts';
import { keepSecret } from './support/no-secrets.ts';
import { json, SESSION, startStandIn, token } from './support/wechat.ts';

const { signature, encryptedData, phone, sessionSignature } = vectors;

/** A server whose WeChat knows the user of the official vectors, by the session_key of one of them. */
async function startFor(sessionKey: string, env: Record<string, string> = {}) {
  const wechat = await startStandIn();
  keepSecret(sessionKey);
  wechat.answer(json({ ...SESSION, session_key: sessionKey }));
  wechat.answerAt('/cgi-bin/stable_token', token());
  const genuine = { errcode: 0, errmsg: 'ok', vaild: true, create_time: timeOf(phone) };
  wechat.answerAt('/wxa/business/checkencryptedmsg', json(genuine));
  let now = () => new Date();
  const app = await startApp({ env: { ...realSettings(wechat.url), ...env }, now: () => now() });
  const turnClockTo = (seconds: number) => {
    now = () => new Date(seconds * 1000);
  };
  return { ...app, turnClockTo };
}

/** The time in the watermark of a vector. */
const timeOf = ({ plaintext }: { plaintext: string }): number => JSON.parse(plaintext).watermark.timestamp;

describe('WeChat’s official vectors through a running server', () => {
  const strict = { WX_PROFILE_STRICT: 'true' };
  const { rawData, sessionKey } = signature;

  test.each(['text', 'form'])(
    '§2: the signature proves rawData, in strict mode too, sent as %s',
    async (as) => {
      const app = await startFor(sessionKey, strict);
      const sent = { code: 'the-code-of-the-vectors', rawData, signature: signature.sha1 };
      const { body } =
        as === 'text'
          ? await app.call('POST', '/api/wxuser', sent)
          : await app.call('POST', '/api/wxuser', new URLSearchParams(sent).toString(), {
              'Content-Type': 'application/x-www-form-urlencoded',
            });
      expect(body).toMatchObject({ status: 200, user: { nickName: 'Band', gender: 1 } });
      expect(body).not.toHaveProperty('issues');
      expect(await app.rows()).toMatchObject([
        { user_id: SESSION.openid, nickName: 'Band', avatar: JSON.parse(rawData).avatarUrl, gender: 1 },
      ]);
    },
  );

  test.each([
    ['another name', sessionKey, { rawData: rawData.replace('Band', 'Bond') }],
    ['a space after it', sessionKey, { rawData: `${rawData} ` }],
    ['the session_key of another login', encryptedData.sessionKey, {}],
  ])('§2: the signature does not prove it with %s', async (_name, key, changes) => {
    const app = await startFor(key, strict);
    const sent = { code: 'the-code-of-the-vectors', rawData, signature: signature.sha1, ...changes };
    const { body } = await app.call('POST', '/api/wxuser', sent);
    expect(body).toMatchObject({ status: 400, code: 'profile_rejected', retry: 'login' });
    expect(await app.rows()).toEqual([]);
  });

  test('§2: encryptedData beats rawData without a signature, and is no proof in strict mode', async () => {
    const at = timeOf(encryptedData);
    const { iv, encryptedData: sealed } = encryptedData;
    const sent = { code: 'the-code-of-the-vectors', encryptedData: sealed, iv };
    const careful = await startFor(encryptedData.sessionKey, strict);
    careful.turnClockTo(at);
    const refused = await careful.call('POST', '/api/wxuser', sent);
    expect(refused.body).toMatchObject({ status: 400, code: 'profile_rejected', retry: 'login' });
    expect(careful.log.at(-1)?.['reason']).toBe(
      'the profile comes without the signature of rawData: encryptedData is no proof',
    );
    const app = await startFor(encryptedData.sessionKey);
    app.turnClockTo(at);
    const { body } = await app.call('POST', '/api/wxuser', { ...sent, rawData: '{"nickName":"Eve"}' });
    expect(body).toMatchObject({ status: 200, user: { nickName: 'Band', gender: 1 } });
    const { avatarUrl } = JSON.parse(encryptedData.plaintext);
    expect(await app.rows()).toMatchObject([{ nickName: 'Band', avatar: avatarUrl }]);
  });

  test('§4: the older phone data is stored in international form; the profile’s is no phone', async () => {
    const app = await startFor(phone.sessionKey);
    keepSecret('12066600001');
    const { token } = (await app.call('POST', '/api/wxuser', { code: 'the-code-of-the-vectors' })).body;
    app.turnClockTo(timeOf(phone)); // tokens are verified by the real clock
    const post = ({ iv, encryptedData }: typeof phone) =>
      app.call('POST', '/api/wxuser/me/phone', { iv, encryptedData }, { Authorization: token });
    expect((await post(encryptedData)).body).toMatchObject({ status: 400, code: 'phone_rejected' });
    expect((await post(phone)).body).toMatchObject({ status: 200, phone: '+8612066600001' });
    expect(await app.rows()).toMatchObject([{ phone: '+8612066600001' }]);
  });

  test('§4: phone data under the session_key of another login is refused', async () => {
    const app = await startFor(signature.sessionKey);
    const { token } = (await app.call('POST', '/api/wxuser', { code: 'the-code-of-the-vectors' })).body;
    app.turnClockTo(timeOf(phone));
    const { iv, encryptedData } = phone;
    const headers = { Authorization: token };
    const { body } = await app.call('POST', '/api/wxuser/me/phone', { iv, encryptedData }, headers);
    expect(body).toMatchObject({ status: 400, code: 'phone_rejected', retry: 'login' });
    expect(await app.rows()).toMatchObject([{ phone: null }]);
  });
});

describe('WeChat’s official session signatures', () => {
  const ofNothing = sessionSignature.filter(({ data }) => data === '');

  test.each(ofNothing)('§6: are what the client sends: $hmacSha256', async ({ sessionKey, hmacSha256 }) => {
    for (const secret of [sessionKey, hmacSha256]) keepSecret(secret);
    const { sandbox, client, ada } = await meet();
    // The sandbox has a key of its own, so it refuses; what it was sent is what counts.
    expect(await client.checkSessionKey(ada.openid, sessionKey)).toBe(false);
    const [{ query, answer }] = (await sandbox.ask('GET', '/control/calls')).body.last;
    expect(query).toMatchObject({ signature: hmacSha256, sig_method: 'hmac_sha256' });
    expect(answer.errcode).toBe(87009);
  });
});
