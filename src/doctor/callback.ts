import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { sign } from '../wechat/message-crypto.ts';
import type { Finding } from './finding.ts';

const subject = 'callback';
const PATIENCE_MS = 5000;

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
  return [...findings, await ask(`${publicUrl}/api/wechat/callback`, callback.token, now)];
}

async function ask(address: string, token: string, now: () => Date): Promise<Finding> {
  const timestamp = String(Math.floor(now().getTime() / 1000));
  const [nonce, echostr] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
  const signature = sign([token, timestamp, nonce]);
  const query = new URLSearchParams({ signature, timestamp, nonce, echostr });
  try {
    const response = await fetch(`${address}?${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const answer = await response.text();
    if (response.ok && answer === echostr)
      return { level: 'ok', subject, says: 'answers at its public address, and knows the Token' };
    const says = `${address} answered ${response.status}, not the echo that WeChat waits for`;
    return {
      level: 'problem',
      subject,
      says,
      todo: 'is this server there, and started with the same WX_CALLBACK_TOKEN?',
    };
  } catch (error) {
    const { code = (error as Error).name } = ((error as Error).cause ?? {}) as { code?: string };
    const todo = 'start the server, and see that PUBLIC_URL leads to it (DNS, reverse proxy, certificate)';
    return { level: 'problem', subject, says: `${address} could not be reached (${code})`, todo };
  }
}
