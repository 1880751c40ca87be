import { Router } from 'express';
import { sendJson } from '../json.ts';
import { validate } from '../middleware/validate.ts';
import type { App } from './apps.ts';
import { nameOf, wrong } from './control-problems.ts';
import { appRequest, callbackRequest, eventRequest } from './control-requests.ts';
import { stateOf } from './control-state.ts';
import { userEvent } from './events.ts';
import { openidOf } from './identities.ts';
import type { SandboxWeChat } from './wechat.ts';

/** The part of the control API that a developer's console in WeChat has: apps, where they are pushed to, and what. */
export function controlAppRoutes(sandbox: SandboxWeChat): Router {
  const routes = Router();
  const appNamed = (appid: string | undefined): App => {
    const { apps } = sandbox.world;
    const app = appid === undefined ? apps.first : apps.find(appid);
    return app ?? wrong('appid', { zh: '不是沙箱中的小程序', en: 'is not an app of the sandbox' });
  };

  routes.put('/apps/:appid', validate(appRequest), (req, res) => {
    const { apps } = sandbox.world;
    const appid = nameOf(req.params['appid']);
    const { secret = apps.find(appid)?.secret } = req.body;
    if (secret === undefined)
      return wrong('secret', { zh: '新的小程序需要 secret', en: 'a new app needs one' });
    apps.set({ ...apps.find(appid), ...req.body, appid, secret });
    return sendJson(res, stateOf(sandbox.world).apps);
  });

  routes.put('/apps/:appid/callback', validate(callbackRequest), async (req, res) => {
    const { verify, ...callback } = req.body;
    const app = appNamed(nameOf(req.params['appid']));
    const problem = verify ? await sandbox.world.pushes.verify(callback) : undefined;
    if (problem !== undefined)
      return wrong('url', {
        zh: `验证失败：${problem}`,
        en: `did not pass the verification: ${problem}`,
      });
    sandbox.world.apps.set({ ...app, callback });
    return sendJson(res, { verified: verify });
  });

  routes.delete('/apps/:appid/callback', (req, res) => {
    sandbox.world.apps.set({ ...appNamed(req.params.appid), callback: undefined });
    sendJson(res, stateOf(sandbox.world).apps);
  });

  routes.post('/events', validate(eventRequest), async (req, res) => {
    const { event, user, appid, revokeInfo } = req.body;
    const app = appNamed(appid);
    const to = { appid: app.appid, openid: openidOf(app.appid, user), now: sandbox.world.clock.now() };
    sendJson(res, await sandbox.world.pushes.send(app, userEvent(event, to, revokeInfo)));
  });

  return routes;
}
