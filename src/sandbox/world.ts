import { type AccessTokens, createAccessTokens } from './access-tokens.ts';
import { type App, type Apps, createApps } from './apps.ts';
import { type Calls, createCalls } from './calls.ts';
import { type Clock, createClock } from './clock.ts';
import { type Codes, createCodes, loginCode, phoneCode } from './codes.ts';
import { createFaults, type Faults } from './faults.ts';
import { createPhoneData, type PhoneData } from './phone-data.ts';
import { createPushes, type Pushes } from './push.ts';
import { createSessionKeys, type SessionKeys } from './session-keys.ts';
import { createUsers, type Users } from './users.ts';
import type { Wait } from './wait.ts';

/** Everything that the sandbox knows. A reset makes a new one. */
export interface World {
  readonly clock: Clock;
  readonly apps: Apps;
  readonly users: Users;
  readonly loginCodes: Codes;
  readonly phoneCodes: Codes;
  readonly phoneData: PhoneData;
  readonly sessionKeys: SessionKeys;
  readonly accessTokens: AccessTokens;
  readonly faults: Faults;
  readonly calls: Calls;
  readonly pushes: Pushes;
  readonly settings: Settings;
  readonly wait: Wait;
}

/** How this WeChat behaves in all its apps. */
export interface Settings {
  /** Every wx.login makes a new session_key, as WeChat may do. */
  rotateAtLogin: boolean;
  /** How long `media_check_async` takes to push its result. */
  mediaCheckDelayMs: number;
}

/** What the sandbox takes from outside; a test gives its own. */
export interface Surroundings {
  readonly apps: readonly [App, ...App[]];
  /** The real clock. */
  readonly now: () => Date;
  readonly wait: Wait;
  readonly random: () => number;
}

export function createWorld({ apps, now: real, wait, random }: Surroundings): World {
  const clock = createClock(real);
  const now = () => clock.now();
  return {
    clock,
    apps: createApps(apps),
    users: createUsers(now),
    loginCodes: createCodes(now, loginCode),
    phoneCodes: createCodes(now, phoneCode),
    phoneData: createPhoneData(now),
    sessionKeys: createSessionKeys(),
    accessTokens: createAccessTokens(now),
    faults: createFaults(random),
    calls: createCalls(),
    pushes: createPushes(now, wait),
    settings: { rotateAtLogin: false, mediaCheckDelayMs: 1000 },
    wait,
  };
}
