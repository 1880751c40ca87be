import type { App } from './apps.ts';
import { openidOf, unionidOf } from './identities.ts';
import { sealOpenData, signRawData } from './open-data.ts';
import { ANONYMOUS, type UserInfo } from './profiles.ts';
import type { World } from './world.ts';

/** Who holds the phone, and which mini program he has open. */
export interface Hand {
  readonly user: string;
  readonly app: App;
}

/** What wx.getUserProfile and wx.getUserInfo give the page. */
export interface UserProfile {
  readonly userInfo: UserInfo;
  readonly rawData: string;
  readonly signature: string;
  readonly encryptedData: string;
  readonly iv: string;
}

/** What the page gets from a button with open-type getPhoneNumber. */
export interface PhoneDetail {
  readonly code: string;
  readonly encryptedData: string;
  readonly iv: string;
}

/** How a profile differs from the user's own for this one call. */
export interface ProfileChanges extends Partial<UserInfo> {
  readonly anonymous?: boolean | undefined;
}

/** wx.login: a code for this user. `rotate` gives him a new session_key, as WeChat may do. */
export function login(world: World, { user, app }: Hand, rotate = world.settings.rotateAtLogin): string {
  world.users.visit(app.appid, user);
  if (rotate) world.sessionKeys.end(app.appid, user);
  return world.loginCodes.issue(app.appid, user);
}

/** wx.getUserProfile: the encrypted data has no openId and no unionId. */
export function getUserProfile(world: World, hand: Hand, changes: ProfileChanges = {}): UserProfile {
  const userInfo = profileOf(world, hand, changes);
  return sealed(world, hand, userInfo, userInfo);
}

/** wx.getUserInfo: the encrypted data has both. Our choice: the profile is the one that getUserProfile gives. */
export function getUserInfo(world: World, hand: Hand, changes: ProfileChanges = {}): UserProfile {
  const userInfo = profileOf(world, hand, changes);
  const openId = openidOf(hand.app.appid, hand.user);
  return sealed(world, hand, userInfo, { openId, ...userInfo, unionId: unionidOf(hand.user) });
}

/** A tap on the phone number button: the code of today, and the encrypted data of the older flow. */
export function getPhoneNumber(world: World, { user, app }: Hand): PhoneDetail {
  world.users.visit(app.appid, user);
  const code = world.phoneCodes.issue(app.appid, user);
  const data = JSON.stringify({ ...phoneInfo(world, user), watermark: watermark(world, app) });
  const sealed = sealOpenData(data, world.sessionKeys.of(app.appid, user));
  world.phoneData.remember(app.appid, sealed.encryptedData);
  return { code, ...sealed };
}

/** A phone number in WeChat's words. Our choice: everybody's is Chinese. */
export function phoneInfo(world: World, user: string) {
  const { phone } = world.users.get(user);
  return { phoneNumber: phone, purePhoneNumber: phone, countryCode: '86' };
}

/** When and for which app data was given. */
export function watermark(world: World, { appid }: App) {
  return { timestamp: Math.floor(world.clock.now().getTime() / 1000), appid };
}

function profileOf(world: World, { user, app }: Hand, { anonymous, ...changes }: ProfileChanges): UserInfo {
  world.users.visit(app.appid, user);
  if (anonymous) return ANONYMOUS;
  const own = world.users.infoOf(user);
  return own === ANONYMOUS ? own : { ...own, ...changes };
}

function sealed(world: World, { user, app }: Hand, userInfo: UserInfo, secret: object): UserProfile {
  const key = world.sessionKeys.of(app.appid, user);
  const rawData = JSON.stringify(userInfo);
  const data = JSON.stringify({ ...secret, watermark: watermark(world, app) });
  return { userInfo, rawData, signature: signRawData(rawData, key), ...sealOpenData(data, key) };
}
