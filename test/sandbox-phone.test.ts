import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { keepSecret } from './support/no-secrets.ts';
import { decrypted } from './support/open-data.ts';
import { MINUTE, openSandbox } from './support/sandbox.ts';

const PATH = 'business/getuserphonenumber';

test('§4: the code of today gives the number, once', async () => {
  const sandbox = await openSandbox();
  const { body: tapped } = await sandbox.ask('POST', '/wx/getPhoneNumber', { user: 'Ada' });
  expect(tapped).toMatchObject({
    errMsg: 'getPhoneNumber:ok',
    code: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const reply = await sandbox.wxa('POST', PATH, { code: tapped.code });
  keepSecret(reply.phone_info.phoneNumber);
  expect(reply).toEqual({
    errcode: 0,
    errmsg: 'ok',
    phone_info: {
      phoneNumber: expect.stringMatching(/^120666\d{5}$/),
      purePhoneNumber: reply.phone_info.phoneNumber,
      countryCode: '86',
      watermark: { timestamp: 1772337600, appid: sandbox.appid },
    },
  });
  const refused = {
    errcode: 40029,
    errmsg: expect.stringMatching(/^invalid code hint: \[[A-Za-z]{9}-[A-Za-z]{6}\] rid: /),
  };
  expect(await sandbox.wxa('POST', PATH, { code: tapped.code })).toEqual(refused);
  expect(await sandbox.wxa('POST', PATH, { code: 'f'.repeat(64) })).toEqual(refused);
});

test('§4: the code lives five minutes, and a login code is none', async () => {
  const sandbox = await openSandbox();
  const [early, late] = [sandbox.wx.getPhoneNumber('Ada').code, sandbox.wx.getPhoneNumber('Ada').code];
  sandbox.advance(5 * MINUTE);
  expect((await sandbox.wxa('POST', PATH, { code: early })).errcode).toBe(0);
  sandbox.advance(1);
  expect((await sandbox.wxa('POST', PATH, { code: late })).errcode).toBe(40029);
  const login = sandbox.wx.login('Ada').code;
  expect((await sandbox.wxa('POST', PATH, { code: login })).errcode).toBe(40029);
  expect((await sandbox.session(late)).errcode).toBe(40029);
});

test('§4: 40013 when the token’s app is not the code’s; the code is not spent (our choice)', async () => {
  const sandbox = await openSandbox();
  const tap = { user: 'Ada', appid: SANDBOX_APPID };
  const { code } = (await sandbox.ask('POST', '/wx/getPhoneNumber', tap)).body;
  expect((await sandbox.wxa('POST', PATH, { code })).errcode).toBe(40013);
  const secret = '5a0db0c55a0db0c55a0db0c55a0db0c5';
  const { access_token: token } = await sandbox.stableToken({ appid: SANDBOX_APPID, secret });
  const { body } = await sandbox.ask('POST', `/wxa/${PATH}?access_token=${token}`, { code });
  expect(body).toMatchObject({ errcode: 0, phone_info: { watermark: { appid: SANDBOX_APPID } } });
});

test('§4: the older flow holds the same number, encrypted with the session_key', async () => {
  const sandbox = await openSandbox();
  const { session_key } = await sandbox.session(sandbox.wx.login('Ada').code);
  const { code, ...sealed } = sandbox.wx.getPhoneNumber('Ada');
  const { phone_info } = await sandbox.wxa('POST', PATH, { code });
  expect(decrypted(sealed, session_key)).toEqual(phone_info);
});

test('the older flow’s data is known as genuine by its hash, to its app, for three days', async () => {
  const sandbox = await openSandbox();
  const { encryptedData } = sandbox.wx.getPhoneNumber('Ada');
  const check = (hash: unknown) =>
    sandbox.wxa('POST', 'business/checkencryptedmsg', { encrypted_msg_hash: hash });
  const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
  const genuine = { errcode: 0, errmsg: 'ok', vaild: true, create_time: 1772337600 };
  expect(await check(hashOf(encryptedData))).toEqual(genuine);
  const unknown = { errcode: 1, errmsg: expect.stringMatching(/^data not exit rid: /) };
  expect(await check(hashOf(`${encryptedData} `))).toEqual(unknown);
  for (const hash of ['', 'f'.repeat(63), 'F'.repeat(64), encryptedData])
    expect(await check(hash)).toEqual({
      errcode: 40097,
      errmsg: expect.stringMatching(/^invalid args rid: /),
    });
  expect((await check(7)).errcode).toBe(47001);
  sandbox.advance(3 * 24 * 60 * MINUTE);
  expect(await check(hashOf(encryptedData))).toEqual(genuine);
  sandbox.advance(1);
  expect(await check(hashOf(encryptedData))).toEqual(unknown);
});

test('our choice: a number belongs to a name, until the developer gives another', async () => {
  const number = async (user: string, phone?: string) => {
    const sandbox = await openSandbox();
    if (phone !== undefined) sandbox.user(user, { phone });
    const { code } = sandbox.wx.getPhoneNumber(user);
    return (await sandbox.wxa('POST', PATH, { code })).phone_info.phoneNumber;
  };
  expect(await number('Ada')).toBe(await number('Ada'));
  expect(await number('Bob')).not.toBe(await number('Ada'));
  expect(await number('Bob', '12066600001')).toBe('12066600001');
});

test.each([
  [44002, undefined],
  [47001, {}],
  [47001, { code: 7 }],
])('our choice: %i for the body %j', async (errcode, body) => {
  const sandbox = await openSandbox();
  expect((await sandbox.wxa('POST', PATH, body)).errcode).toBe(errcode);
});
