import { onTestFinished } from 'vitest';
import type { EndpointName } from '../../src/sandbox/faults.ts';
import type { SandboxOptions } from '../../src/sandbox/start.ts';
import { createWeChat, type WeChat, type WeChatOptions } from '../../src/wechat/client.ts';
import type { SharedToken } from '../../src/wechat/shared-token.ts';
import { keepSecret } from './no-secrets.ts';
import { MINUTE, openSandbox, type TestSandbox } from './sandbox.ts';

/** The real client, and the sandbox that it takes for WeChat. */
export interface Meeting {
  readonly sandbox: TestSandbox;
  readonly client: WeChat;
  /** A user who has logged in, in the sandbox's own words. */
  readonly ada: { readonly openid: string; readonly unionid: string; readonly session_key: string };
}

export interface Terms extends Partial<WeChatOptions> {
  /** Tokens that the client gets from another instance, one after the other, before it fetches its own. */
  readonly handed?: (sandbox: TestSandbox) => Promise<string[]>;
  readonly sandbox?: SandboxOptions;
}

/** Brings them together; they part with the test. The client asks for nothing yet. */
export async function meet({ handed, sandbox: at, ...options }: Terms = {}): Promise<Meeting> {
  const sandbox = await openSandbox(at);
  const ada = await sandbox.session(loginCode(sandbox));
  const tokens = await handed?.(sandbox);
  const { appid, secret, url: apiBase } = sandbox;
  keepSecret(secret);
  const sharedToken = tokens && handingOver(tokens);
  const client = createWeChat({ appid, secret, apiBase, timeoutMs: 10_000, sharedToken, ...options });
  onTestFinished(client.close);
  return { sandbox, client, ada };
}

export function loginCode(sandbox: TestSandbox, user = 'Ada'): string {
  const { code } = sandbox.wx.login(user);
  keepSecret(code);
  return code;
}

export function phoneCode(sandbox: TestSandbox, user = 'Ada'): string {
  const { code } = sandbox.wx.getPhoneNumber(user);
  keepSecret(code);
  return code;
}

/** The data of the older phone number button. */
export function phoneData(sandbox: TestSandbox, user = 'Ada'): string {
  const { encryptedData } = sandbox.wx.getPhoneNumber(user);
  keepSecret(encryptedData);
  return encryptedData;
}

const PICTURE = 'https://example.com/a.png';

/** A call of each endpoint in which nothing is wrong. */
export const wellMeant: Readonly<Record<EndpointName, (meeting: Meeting) => Promise<unknown>>> = {
  jscode2session: ({ client, sandbox }) => client.code2Session(loginCode(sandbox)),
  stable_token: ({ client }) => client.getAccessToken(),
  token: ({ client }) => client.getAccessToken(),
  getuserphonenumber: ({ client, sandbox, ada }) => client.getUserPhoneNumber(phoneCode(sandbox), ada.openid),
  checkencryptedmsg: ({ client, sandbox }) => client.checkEncryptedData(phoneData(sandbox)),
  checksession: ({ client, ada }) => client.checkSessionKey(ada.openid, ada.session_key),
  resetusersessionkey: ({ client, ada }) => client.resetUserSessionKey(ada.openid, ada.session_key),
  msg_sec_check: ({ client, ada: { openid } }) =>
    client.msgSecCheck({ content: '你好', openid, scene: 'profile' }),
  media_check_async: ({ client, ada: { openid } }) =>
    client.mediaCheckAsync({ mediaUrl: PICTURE, openid, scene: 'profile' }),
};

/** How the client has to be made for an endpoint to be asked at all. */
export const termsOf = (endpoint: EndpointName): Terms =>
  endpoint === 'token' ? { tokenMode: 'plain' } : {};

/** `GET /cgi-bin/token` by somebody else. */
export async function plainToken({ ask, appid, secret }: TestSandbox): Promise<string> {
  const query = new URLSearchParams({ grant_type: 'client_credential', appid, secret });
  const { body } = await ask('GET', `/cgi-bin/token?${query}`);
  keepSecret(body.access_token);
  return body.access_token;
}

/** Two tokens that a forced refresh ended. */
export async function endedTokens(sandbox: TestSandbox): Promise<[string, string]> {
  const first = await sandbox.accessToken();
  const { access_token: second } = await sandbox.stableToken({ force_refresh: true });
  sandbox.advance(MINUTE);
  await sandbox.stableToken({ force_refresh: true });
  return [keep(first), keep(second)];
}

/** Two tokens whose two hours are over; the user has come back since. */
export async function expiredTokens(sandbox: TestSandbox): Promise<[string, string]> {
  const tokens: [string, string] = [keep(await sandbox.accessToken()), await plainToken(sandbox)];
  sandbox.advance(120 * MINUTE);
  loginCode(sandbox);
  return tokens;
}

function keep(token: string): string {
  keepSecret(token);
  return token;
}

function handingOver(tokens: string[]): SharedToken {
  return {
    async read() {
      const value = tokens.shift();
      return value === undefined ? undefined : { value, expiresAt: new Date(Date.now() + 60 * MINUTE) };
    },
    claim: async () => async () => undefined,
  };
}
