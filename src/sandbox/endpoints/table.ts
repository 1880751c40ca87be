import type { EndpointName } from '../faults.ts';
import type { World } from '../world.ts';
import type { Ask } from './ask.ts';
import { code2Session } from './code-to-session.ts';
import { mediaCheckAsync, msgSecCheck } from './content.ts';
import { checkEncryptedData, getUserPhoneNumber } from './phone-number.ts';
import { checkSession, resetUserSessionKey } from './sessions.ts';
import { stableToken, token } from './tokens.ts';

/** What WeChat's server answers at a path. */
export interface Endpoint {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly name: EndpointName;
  /** Its JSON is sent as text/plain, with escaped slashes. */
  readonly asText?: true;
  /** @throws {Refusal} with the errcode to answer */
  readonly answer: (world: World, ask: Ask) => object;
}

export const endpoints: readonly Endpoint[] = [
  { method: 'GET', path: '/sns/jscode2session', name: 'jscode2session', asText: true, answer: code2Session },
  { method: 'POST', path: '/cgi-bin/stable_token', name: 'stable_token', answer: stableToken },
  { method: 'GET', path: '/cgi-bin/token', name: 'token', answer: token },
  {
    method: 'POST',
    path: '/wxa/business/getuserphonenumber',
    name: 'getuserphonenumber',
    answer: getUserPhoneNumber,
  },
  {
    method: 'POST',
    path: '/wxa/business/checkencryptedmsg',
    name: 'checkencryptedmsg',
    answer: checkEncryptedData,
  },
  { method: 'GET', path: '/wxa/checksession', name: 'checksession', answer: checkSession },
  {
    method: 'GET',
    path: '/wxa/resetusersessionkey',
    name: 'resetusersessionkey',
    answer: resetUserSessionKey,
  },
  { method: 'POST', path: '/wxa/msg_sec_check', name: 'msg_sec_check', answer: msgSecCheck },
  { method: 'POST', path: '/wxa/media_check_async', name: 'media_check_async', answer: mediaCheckAsync },
];
