import { describe, expect, test } from 'vitest';
import { SANDBOX_APPID } from '../src/config.ts';
import { MINUTE, openSandbox, type TestSandbox } from './support/sandbox.ts';

const TRACE_ID = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;

async function openidOf(sandbox: TestSandbox, user = 'Ada'): Promise<string> {
  return (await sandbox.session(sandbox.wx.login(user).code)).openid;
}

describe('§7: msg_sec_check', () => {
  test.each([
    ['a harmless text', { content: '你好' }, 'pass', 100],
    ['our choice: test-risky', { content: 'so test-risky!' }, 'risky', 21_000],
    ['our choice: test-review', { content: 'test-review' }, 'review', 21_000],
    ['our choice: a label', { content: 'test-risky-20002' }, 'risky', 20_002],
    ['our choice: the nickname counts', { content: 'x', nickname: 'test-review-10001' }, 'review', 10_001],
    [
      'the sample of WeChat’s documents',
      { content: '特3456书yuuo莞6543李zxcz蒜7782法fgnv级' },
      'risky',
      21_000,
    ],
  ])('%s', async (_name, sent, suggest, label) => {
    const sandbox = await openSandbox();
    const openid = await openidOf(sandbox);
    expect(await sandbox.wxa('POST', 'msg_sec_check', { version: 2, scene: 1, openid, ...sent })).toEqual({
      errcode: 0,
      errmsg: 'ok',
      result: { suggest, label },
      detail: [{ strategy: 'content_model', errcode: 0, suggest, label, prob: 90 }],
      trace_id: expect.stringMatching(TRACE_ID),
    });
  });

  test('61010: the user was not active in the last two hours', async () => {
    const sandbox = await openSandbox();
    const openid = await openidOf(sandbox);
    const check = async () =>
      (await sandbox.wxa('POST', 'msg_sec_check', { version: 2, scene: 2, openid, content: 'x' })).errcode;
    sandbox.advance(120 * MINUTE);
    expect(await check()).toBe(0);
    sandbox.advance(1);
    expect(await check()).toBe(61010);
    sandbox.wx.login('Ada');
    expect(await check()).toBe(0);
  });

  test.each([
    ['§7: more than 2500 characters (45002 is our choice)', { content: '长'.repeat(2501) }, 45002],
    ['§7: 2500 characters are allowed', { content: '𝄞'.repeat(2500) }, 0],
    ['no content', { content: '' }, 47001],
    ['version 1', { version: 1 }, 47001],
    ['a scene that is none', { scene: 5 }, 40129],
    ['an openid nobody has', { openid: `o${'x'.repeat(27)}` }, 40003],
  ])('%s', async (_name, changes, errcode) => {
    const sandbox = await openSandbox();
    const sent = { version: 2, scene: 1, openid: await openidOf(sandbox), content: 'x', ...changes };
    expect((await sandbox.wxa('POST', 'msg_sec_check', sent)).errcode).toBe(errcode);
  });

  test('our choice: 43104 for an openid of another app', async () => {
    const sandbox = await openSandbox();
    await sandbox.ask('POST', '/wx/login', { user: 'Ada', appid: SANDBOX_APPID });
    const { users } = (await sandbox.ask('GET', '/control/state')).body;
    const openid = users[0].openids[SANDBOX_APPID];
    const sent = { version: 2, scene: 1, openid, content: 'x' };
    expect((await sandbox.wxa('POST', 'msg_sec_check', sent)).errcode).toBe(43104);
  });
});

describe('§7: media_check_async', () => {
  const media = {
    version: 2,
    scene: 1,
    media_type: 2,
    media_url: 'https://example.com/test-risky-20002.png',
  };

  test('answers a trace_id; the verdict is an event, which is kept where no callback is set', async () => {
    const sandbox = await openSandbox();
    const openid = await openidOf(sandbox);
    const reply = await sandbox.wxa('POST', 'media_check_async', { ...media, openid });
    expect(reply).toEqual({ errcode: 0, errmsg: 'ok', trace_id: expect.stringMatching(TRACE_ID) });
    const { body: pushes } = await sandbox.ask('GET', '/control/pushes');
    expect(pushes).toMatchObject([
      {
        state: 'no callback is set',
        attempts: [],
        message: {
          ToUserName: expect.stringMatching(/^gh_[0-9a-f]{12}$/),
          FromUserName: openid,
          CreateTime: 1772337600,
          MsgType: 'event',
          Event: 'wxa_media_check',
          appid: sandbox.appid,
          trace_id: reply.trace_id,
          version: 2,
          errcode: 0,
          errmsg: 'ok',
          result: { suggest: 'risky', label: 20_002 },
          detail: [{ suggest: 'risky', label: 20_002 }],
        },
      },
    ]);
  });

  test.each([
    ['no URL', { media_url: 'avatar.png' }, 47001],
    ['a type that is none', { media_type: 3 }, 47001],
    ['an openid nobody has', { openid: `o${'x'.repeat(27)}` }, 40003],
    ['61010', {}, 61010],
  ])('%s', async (_name, changes, errcode) => {
    const sandbox = await openSandbox();
    const sent = { ...media, openid: await openidOf(sandbox), ...changes };
    if (errcode === 61010) sandbox.advance(121 * MINUTE);
    expect((await sandbox.wxa('POST', 'media_check_async', sent)).errcode).toBe(errcode);
  });
});
