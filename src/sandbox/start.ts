import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import helmet from 'helmet';
import { refuseProduction, SANDBOX_APPID } from '../config.ts';
import { createLog } from '../log.ts';
import { closingUnread } from '../middleware/close-unread.ts';
import { handleErrors, notFound } from '../middleware/handle-errors.ts';
import { logRequests } from '../middleware/log-requests.ts';
import { reachable } from '../reachable.ts';
import { type EndpointName, type FaultInput, fault, type Target } from './faults.ts';
import {
  getPhoneNumber,
  getUserInfo,
  getUserProfile,
  login,
  type PhoneDetail,
  type ProfileChanges,
  type UserProfile,
} from './phone.ts';
import type { Callback } from './push.ts';
import { sandboxRoutes } from './routes.ts';
import type { UserSettings } from './users.ts';
import { createSandboxWeChat, SANDBOX_SECRET, type SandboxWeChat } from './wechat.ts';
import type { Surroundings } from './world.ts';

/** Our choice of an app for projects that check the form of an AppID. It is made up, as its secret is. */
export const STANDALONE_APPID = 'wx5a0db0c55a0db0c5';

export interface SandboxOptions extends Partial<Omit<Surroundings, 'apps'>> {
  /** A free one by default. */
  readonly port?: number;
  /** Loopback by default. */
  readonly host?: string;
  readonly appid?: string;
  readonly secret?: string;
}

/** What a phone does, without HTTP. `user` is any name. */
export interface Phone {
  login(user: string, options?: { readonly rotate?: boolean }): { errMsg: string; code: string };
  getUserProfile(user: string, changes?: ProfileChanges): UserProfile;
  getUserInfo(user: string, changes?: ProfileChanges): UserProfile;
  getPhoneNumber(user: string): PhoneDetail;
}

/** A sandbox that listens, and what a test does to it. The control API at `/control` can do more. */
export interface RunningSandbox {
  /** What a project takes for `https://api.weixin.qq.com`. */
  readonly url: string;
  readonly appid: string;
  readonly secret: string;
  readonly wx: Phone;
  /** Changes a user: his profile, his phone number, whether he is blocked. */
  user(user: string, changes: Partial<UserSettings>): void;
  /** Lets an endpoint fail, or all of them (`*`). */
  fail(endpoint: Target, what: FaultInput): void;
  /** Ends the faults of an endpoint, or all. */
  heal(endpoint?: Target): void;
  /** Moves the clock: codes and tokens expire. */
  advance(ms: number): void;
  /** How often an endpoint was called. */
  count(endpoint: EndpointName): number;
  /** Where messages are pushed to; without the console's verification. */
  pushTo(callback: Callback): void;
  /** Forgets everything, the callback too. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Starts a WeChat of its own on loopback.
 * @throws {ConfigError} where NODE_ENV does not allow a sandbox, or the system's error when the port is taken
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const { port = 0, host = '127.0.0.1', appid = STANDALONE_APPID, secret = SANDBOX_SECRET } = options;
  const { now = () => new Date(), ...surroundings } = options;
  refuseProduction(process.env);
  const first = { appid, secret };
  const sandbox = createSandboxWeChat(now, {
    ...surroundings,
    // The server's own app is there too, so that its users are the same here as there.
    apps: appid === SANDBOX_APPID ? [first] : [first, { appid: SANDBOX_APPID, secret: SANDBOX_SECRET }],
  });
  const http = createServer(createApp(sandbox)).listen(port, host);
  await once(http, 'listening');
  const hand = (user: string) => ({ user, app: sandbox.world.apps.first });

  return {
    url: reachable(http.address() as AddressInfo),
    appid,
    secret,
    wx: {
      login: (user, { rotate } = {}) => ({
        errMsg: 'login:ok',
        code: login(sandbox.world, hand(user), rotate),
      }),
      getUserProfile: (user, changes) => getUserProfile(sandbox.world, hand(user), changes),
      getUserInfo: (user, changes) => getUserInfo(sandbox.world, hand(user), changes),
      getPhoneNumber: (user) => getPhoneNumber(sandbox.world, hand(user)),
    },
    user: (user, changes) => sandbox.world.users.set(user, changes),
    fail: (endpoint, what) => sandbox.world.faults.add(endpoint, fault.parse(what)),
    heal: (endpoint) => sandbox.world.faults.clear(endpoint),
    advance: (ms) => sandbox.world.clock.advance(ms),
    count: (endpoint) => sandbox.world.calls.counts()[endpoint] ?? 0,
    pushTo: (callback) => sandbox.world.apps.set({ ...sandbox.world.apps.first, callback }),
    reset: () => sandbox.reset(),
    async close() {
      sandbox.close();
      const closed = once(http, 'close');
      http.close();
      http.closeAllConnections(); // those that a fault keeps waiting too
      await closed;
    },
  };
}

function createApp(sandbox: SandboxWeChat) {
  const app = express();
  app.use(logRequests(createLog('silent')));
  app.use(helmet());
  app.use(closingUnread);
  app.use(sandboxRoutes(sandbox));
  app.use(notFound);
  app.use(handleErrors);
  return app;
}
