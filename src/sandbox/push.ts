import { randomInt } from 'node:crypto';
import type { App } from './apps.ts';
import type { PushMessage } from './events.ts';
import { encryptPush, signPush } from './push-crypto.ts';
import type { Wait } from './wait.ts';

const ANSWER_MS = 5000;
const ATTEMPTS = 3;
const KEPT = 50;

/** Where and how messages are pushed: what the console asks for under "message push". */
export interface Callback {
  readonly url: string;
  readonly token: string;
  /** 43 characters; needed for all modes but `plain`. */
  readonly encodingAESKey?: string | undefined;
  /** `compatible` sends both, the text and the encrypted text. */
  readonly mode: 'plain' | 'compatible' | 'safe';
}

/** One try to hand a message over. */
export interface Attempt {
  readonly status?: number;
  readonly answer?: string;
  readonly error?: string;
}

/** A message and what became of it. */
export interface Delivery {
  readonly at: Date;
  readonly appid: string;
  readonly message: PushMessage;
  readonly state: 'waiting' | 'delivered' | 'failed' | 'no callback is set';
  readonly attempts: readonly Attempt[];
}

export interface Pushes {
  /** Pushes a message, after a while if told so; resolves to what became of it, and never fails. */
  send(app: App, message: PushMessage, afterMs?: number): Promise<Delivery>;
  /** Asks a callback for the echostr, as the console does before it takes the URL. Says what is wrong, or nothing. */
  verify(callback: Callback): Promise<string | undefined>;
  /** The last 50, the newest first. */
  list(): Delivery[];
  /** Gives up what is on its way. */
  close(): void;
}

export function createPushes(now: () => Date, wait: Wait): Pushes {
  const closed = new AbortController();
  const deliveries: Delivery[] = [];

  return {
    async send(app, message, afterMs = 0) {
      let delivery: Delivery = { at: now(), appid: app.appid, message, state: 'waiting', attempts: [] };
      const note = (news: Partial<Delivery>) => {
        const place = deliveries.indexOf(delivery);
        delivery = { ...delivery, ...news };
        if (place >= 0) deliveries[place] = delivery;
      };
      deliveries.unshift(delivery);
      deliveries.splice(KEPT);
      const { callback } = app;
      if (!callback) note({ state: 'no callback is set' });
      else {
        if (afterMs > 0) await wait(afterMs, closed.signal);
        if (closed.signal.aborted) note({ state: 'failed' });
        while (delivery.state === 'waiting') {
          const attempt = await deliver(callback, app.appid, message);
          const attempts = [...delivery.attempts, attempt];
          // Our choice: any answer with 200 is taken. WeChat wants an empty text or `success`.
          const state = attempt.status === 200 ? 'delivered' : 'failed';
          const over = state === 'delivered' || attempts.length === ATTEMPTS || closed.signal.aborted;
          note({ attempts, ...(over && { state }) });
        }
      }
      return delivery;
    },

    async verify(callback) {
      const echostr = Array.from({ length: 19 }, () => randomInt(1, 10)).join('');
      const { status, answer, error } = await ask(callback, signed(callback, { echostr }), { method: 'GET' });
      if (error !== undefined) return error;
      if (status !== 200) return `HTTP ${status}`;
      return answer === echostr ? undefined : 'did not answer with the echostr';
    },

    list: () => [...deliveries],
    close: () => closed.abort(),
  };

  function deliver(callback: Callback, appid: string, message: PushMessage): Promise<Attempt> {
    const { encodingAESKey, mode } = callback;
    const openid = message.FromUserName;
    const init = (body: object) => ({
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (mode === 'plain' || encodingAESKey === undefined)
      return ask(callback, signed(callback, { openid }), init(message));
    const Encrypt = encryptPush(JSON.stringify(message), encodingAESKey, appid);
    const body = mode === 'safe' ? { ToUserName: message.ToUserName, Encrypt } : { ...message, Encrypt };
    return ask(callback, signed(callback, { openid, encrypt_type: 'aes' }, Encrypt), init(body));
  }

  /** Every attempt is signed anew. */
  function signed({ token }: Callback, more: Record<string, string>, encrypted?: string): URLSearchParams {
    const timestamp = String(Math.floor(now().getTime() / 1000));
    const nonce = String(randomInt(100_000_000, 2_000_000_000));
    return new URLSearchParams({
      signature: signPush(token, timestamp, nonce),
      timestamp,
      nonce,
      ...more,
      ...(encrypted !== undefined && { msg_signature: signPush(token, timestamp, nonce, encrypted) }),
    });
  }

  async function ask({ url }: Callback, query: URLSearchParams, init: RequestInit): Promise<Attempt> {
    const late = new AbortController();
    const done = new AbortController();
    void wait(ANSWER_MS, AbortSignal.any([done.signal, closed.signal])).then(() => late.abort());
    try {
      const to = new URL(url);
      for (const [name, value] of query) to.searchParams.set(name, value);
      const response = await fetch(to, { ...init, redirect: 'manual', signal: late.signal });
      return { status: response.status, answer: (await response.text()).slice(0, 1000) };
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } };
      return { error: late.signal.aborted ? 'no answer within 5 s' : (cause?.code ?? message) };
    } finally {
      done.abort();
    }
  }
}
