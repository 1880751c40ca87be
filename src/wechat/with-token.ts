import type { AccessTokens } from './access-token.ts';
import type { Call, Http, Reply } from './http.ts';
import { limitTo } from './limit.ts';
import { TOKEN_REFUSED } from './refusals.ts';

/** Sends a call with the access_token. */
export type SendWithToken = (call: Call) => Promise<Reply>;

/** If WeChat refuses the token, the call is repeated once with another. All of it happens within one limit. */
export function sendingWithToken(http: Http, tokens: AccessTokens, timeoutMs: number): SendWithToken {
  return async (call) => {
    const limit = limitTo(timeoutMs);
    const send = (access_token: string) => {
      const params = { ...call.params, access_token };
      return http.send({ ...call, params, private: [...call.private, access_token] }, limit);
    };
    const token = await limit.wait(tokens.get());
    const reply = await send(token.value);
    if (!TOKEN_REFUSED.has(reply.errcode)) return reply;
    tokens.refuse(token);
    return send((await limit.wait(tokens.get())).value);
  };
}
