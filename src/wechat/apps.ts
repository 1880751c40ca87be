import type { WeChat } from './client.ts';

/** A mini program that this server is for. */
export interface App {
  readonly appid: string;
  readonly wechat: WeChat;
}

/** All of them; the first is taken where a request does not say. */
export type Apps = readonly [App, ...App[]];

/**
 * The app that a request comes from: the one it names, else that of the Referer which wx.request sets (no page can
 * change it), else the first.
 * @returns undefined when it names an app that is not ours
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/ability/network.html
 */
export function appOf(apps: Apps, appid: string | undefined, referer: string | undefined): App | undefined {
  if (appid !== undefined) return apps.find((app) => app.appid === appid);
  const [, from] =
    /^https:\/\/servicewechat\.com\/(wx[0-9a-f]{16})\//.exec(referer?.slice(0, 100) ?? '') ?? [];
  return apps.find((app) => app.appid === from) ?? apps[0];
}

/** The WeChat of an app of ours, such as a token names. */
export function wechatOf(apps: Apps, appid: string): WeChat {
  const app = apps.find((each) => each.appid === appid);
  if (!app) throw new Error('a token of an app that is not ours passed requireLogin');
  return app.wechat;
}
