import { describe, expect, test } from 'vitest';
import { type EndpointName, endpointName } from '../src/sandbox/faults.ts';
import {
  loginCode,
  type Meeting,
  meet,
  phoneCode,
  type Terms,
  termsOf,
  wellMeant,
} from './support/contract.ts';
import { well } from './support/contract-table.ts';
import { failureOf } from './support/failure.ts';
import { keepSecret } from './support/no-secrets.ts';

const names = endpointName.options;
const LIMIT_MS = 300;
const BEYOND_MS = 600_000;

async function start(name: EndpointName, more: Terms = {}): Promise<Meeting> {
  const meeting = await meet({ ...termsOf(name), ...more });
  meeting.sandbox.user('Ada', { phone: '12066600001' });
  keepSecret('12066600001');
  return meeting;
}

async function expectWell(meeting: Meeting, name: EndpointName) {
  expect(await wellMeant[name](meeting)).toEqual(await well[name](meeting));
}

async function expectFailure(meeting: Meeting, name: EndpointName, reason: RegExp) {
  const error = await failureOf(wellMeant[name](meeting));
  expect(error).toMatchObject({ code: 'wechat_unavailable', reason: expect.stringMatching(reason) });
}

// The limit of the test shows that the client's own holds.
describe.each(names)('%s', { timeout: 8000 }, (name) => {
  test.each([
    ['cuts the connection', { cut: true }, /could not be reached \(ECONNRESET\)/],
    ['ends its JSON too early', { garbage: true }, /something that is not a JSON object/],
    ['answers HTTP 502', { status: 502 }, /HTTP 502/],
    ['answers HTTP 404', { status: 404 }, /HTTP 404/],
    ['answers HTTP 200 with a page', { status: 200 }, /something that is not a JSON object/],
    ['answers an errcode with HTTP 500', { status: 500, errcode: 45011 }, /HTTP 500/],
    ['cuts the connection late', { cut: true, delayMs: 5 }, /could not be reached \(ECONNRESET\)/],
  ] as const)('%s', async (_name, fault, reason) => {
    const meeting = await start(name);
    meeting.sandbox.fail(name, fault);
    await expectFailure(meeting, name, reason);
    meeting.sandbox.heal(name);
    await expectWell(meeting, name);
  });

  test.each([
    ['never answers', { hang: true }],
    ['answers after the limit', { delayMs: BEYOND_MS }],
  ] as const)('%s', async (_name, fault) => {
    const meeting = await start(name, { timeoutMs: LIMIT_MS });
    meeting.sandbox.fail(name, fault);
    await expectFailure(meeting, name, /did not answer within 300 ms/);
  });

  test('answers late, and within the limit', async () => {
    const meeting = await start(name);
    meeting.sandbox.fail(name, { delayMs: 20 });
    await expectWell(meeting, name);
  });

  test('fails now and then', async () => {
    const dice = [0.4, 0.5, 0.49];
    const meeting = await start(name, { sandbox: { random: () => dice.shift() ?? 1 } });
    meeting.sandbox.fail(name, { garbage: true, rate: 0.5 });
    await expectFailure(meeting, name, /not a JSON object/);
    await expectWell(meeting, name);
    if (name === 'stable_token' || name === 'token') return; // the client keeps what it got
    await expectFailure(meeting, name, /not a JSON object/);
    expect(dice).toEqual([]);
  });

  test('fails with all the others', async () => {
    const meeting = await start(name);
    meeting.sandbox.fail('*', { status: 503 });
    await expectFailure(meeting, name, /HTTP 503/);
  });

  test('closes a kept connection just as it is used again: is asked again', async () => {
    const meeting = await start(name);
    await meeting.client.code2Session(loginCode(meeting.sandbox));
    const before = meeting.sandbox.count(name);
    meeting.sandbox.fail(name, { cut: true, calls: 1 });
    await expectWell(meeting, name);
    expect(meeting.sandbox.count(name) - before).toBe(2);
  });
});

describe('a call whose answer is lost took effect', () => {
  test('a login code is spent', async () => {
    const { sandbox, client } = await start('jscode2session');
    const code = loginCode(sandbox);
    sandbox.fail('jscode2session', { cut: true, after: true, calls: 1 });
    expect((await failureOf(client.code2Session(code))).code).toBe('wechat_unavailable');
    expect((await failureOf(client.code2Session(code))).code).toBe('wechat_code_used');
  });

  test('a phone code is spent', async () => {
    const { sandbox, client } = await start('getuserphonenumber');
    const code = phoneCode(sandbox);
    sandbox.fail('getuserphonenumber', { garbage: true, after: true, calls: 1 });
    expect((await failureOf(client.getUserPhoneNumber(code))).code).toBe('wechat_unavailable');
    expect((await failureOf(client.getUserPhoneNumber(code))).code).toBe('phone_code_invalid');
  });

  test('a session_key is another', async () => {
    const { sandbox, client, ada } = await start('resetusersessionkey');
    sandbox.fail('resetusersessionkey', { garbage: true, after: true });
    await failureOf(client.resetUserSessionKey(ada.openid, ada.session_key));
    expect(await client.checkSessionKey(ada.openid, ada.session_key)).toBe(false);
  });

  test('and one that was struck before took none', async () => {
    const { sandbox, client, ada } = await start('jscode2session');
    const code = loginCode(sandbox);
    sandbox.fail('jscode2session', { garbage: true, calls: 1 });
    await failureOf(client.code2Session(code));
    expect((await client.code2Session(code)).openid).toBe(ada.openid);
  });
});

test('a login needs no access_token: it goes on while both token endpoints hang', async () => {
  const meeting = await start('jscode2session');
  for (const endpoint of ['stable_token', 'token'] as const) meeting.sandbox.fail(endpoint, { hang: true });
  await expectWell(meeting, 'jscode2session');
});
