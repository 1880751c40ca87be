import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { createClient, isOfProxy } from '../outbound/client.ts';
import { refusedByProxy, whyUnreached } from '../outbound/failure.ts';
import type { HttpProxy } from '../outbound/proxy.ts';
import { sign } from '../wechat/message-crypto.ts';
import type { Finding } from './finding.ts';

const subject = 'callback';
const PATIENCE_MS = 5000;
const MAX_BYTES = 64 * 1024;

/** Asks our own callback by its public address, as WeChat does when it is entered in the console. */
export async function examineCallback(config: Config, now: () => Date): Promise<Finding[]> {
  const { callback, publicUrl, sandbox } = config;
  if (!callback) {
    if (sandbox) return [];
    const says = 'not set: what users take back in WeChat stays here, and who leaves WeChat too';
    return [{ level: 'warning', subject, says, todo: 'set it up: docs/callback.md' }];
  }
  const findings: Finding[] = [];
  if (!callback.aesKey) {
    const says = 'messages come in plain text: their signature does not cover what they say';
    const todo = 'choose the safe mode in the WeChat console, and set WX_CALLBACK_AES_KEY';
    findings.push({ level: 'warning', subject, says, todo });
  }
  if (!publicUrl) {
    const todo = 'set PUBLIC_URL to where WeChat reaches this server, and run this again';
    return [
      ...findings,
      { level: 'warning', subject, says: 'cannot be looked at: its address is unknown', todo },
    ];
  }
  const address = `${publicUrl}/api/wechat/callback`;
  return [...findings, await ask(address, config.proxyFor(address), callback.token, now)];
}

/** What each answer comes from. */
const TODO: Readonly<Record<number, string>> = {
  403: 'the server there has another WX_CALLBACK_TOKEN, or its clock is wrong: its log says which',
  404: 'the server there has no WX_CALLBACK_TOKEN (restart it), or the proxy does not pass /api/wechat/callback on',
};

async function ask(
  address: string,
  proxy: HttpProxy | undefined,
  token: string,
  now: () => Date,
): Promise<Finding> {
  const timestamp = String(Math.floor(now().getTime() / 1000));
  const [nonce, echostr] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
  const signature = sign([token, timestamp, nonce]);
  const query = new URLSearchParams({ signature, timestamp, nonce, echostr });
  const client = createClient(proxy, { responseType: 'text', maxContentLength: MAX_BYTES });
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await client.request<string>({ url: `${address}?${query}`, signal });
    if (response.status === 200 && response.data === echostr)
      return { level: 'ok', subject, says: 'answers at its public address, and knows the Token' };
    const says =
      proxy && isOfProxy(response)
        ? refusedByProxy(address, response.status, proxy)
        : `${address} answered ${response.status}, not the echo that WeChat waits for`;
    return {
      level: 'problem',
      subject,
      says,
      todo: TODO[response.status] ?? 'is this server there, and started with the same WX_CALLBACK_TOKEN?',
    };
  } catch (error) {
    const { code } = error as { code?: string };
    const todo = 'start the server, and see that PUBLIC_URL leads to it (DNS, reverse proxy, certificate)';
    return { level: 'problem', subject, says: whyUnreached(address, code, proxy), todo };
  } finally {
    client.close();
  }
}
