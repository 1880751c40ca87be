import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { createWeChat } from '../wechat/client.ts';
import { compareClocks, type Finding } from './finding.ts';

/** Asks WeChat whether each AppID and AppSecret and our address are right, and what time it is. */
export async function examineWeChat(config: Config, now: () => Date): Promise<Finding[]> {
  if (config.sandbox) return [];
  const findings = await Promise.all(config.apps.map((app) => examineApp(config, app, now)));
  return findings.flat();
}

async function examineApp(
  { wechat: { apiBase, timeoutMs }, proxyFor }: Config,
  { appid, secret = '' }: Config['apps'][number],
  now: () => Date,
): Promise<Finding[]> {
  const subject = `WeChat ${appid}`;
  const proxy = proxyFor(apiBase);
  const wechat = createWeChat({ appid, secret, apiBase, timeoutMs, proxy });
  try {
    const { errcode, errmsg, hint, serverTime } = await wechat.checkApp();
    const clocks = compareClocks(subject, serverTime, now());
    if (errcode === 0)
      return [{ level: 'ok', subject, says: 'knows the AppID, the AppSecret and our address' }, ...clocks];
    const says = `answered ${errcode} (${errmsg})`;
    return [{ level: 'problem', subject, says, ...(hint !== undefined && { todo: hint }) }, ...clocks];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const todo = proxy
      ? `see that the proxy of ${proxy.setting} runs, and lets this machine reach ${apiBase}`
      : `let this machine reach ${apiBase} (DNS, firewall, HTTPS_PROXY), or mend WX_API_BASE`;
    return [{ level: 'problem', subject, says: error.reason ?? error.message, todo }];
  } finally {
    wechat.close();
  }
}
