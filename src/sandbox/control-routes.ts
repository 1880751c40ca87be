import { type RequestHandler, Router } from 'express';
import { AppError } from '../errors.ts';
import { sendJson } from '../json.ts';
import { polled } from '../middleware/log-requests.ts';
import { onlyJson } from '../middleware/only-json.ts';
import { readJson } from '../middleware/read-body.ts';
import { validate } from '../middleware/validate.ts';
import { controlAppRoutes } from './control-app-routes.ts';
import { nameOf } from './control-problems.ts';
import { clockRequest, faultRequest, settingsRequest, userRequest } from './control-requests.ts';
import { stateOf } from './control-state.ts';
import { target } from './faults.ts';
import { pageRoutes } from './page/routes.ts';
import type { SandboxWeChat } from './wechat.ts';

/** What a developer does to the local WeChat; every answer but the page's is JSON. `docs/sandbox.md` has it with curl lines. */
export function controlRoutes(sandbox: SandboxWeChat): Router {
  const routes = Router();
  routes.use(pageRoutes());
  routes.use(onlyJson, readJson);

  /** Does something, then answers with how things stand. */
  const state =
    (act: () => void = () => undefined): RequestHandler =>
    (_req, res) => {
      act();
      sendJson(res, stateOf(sandbox.world));
    };

  routes.get('/state', polled, state());
  routes.delete(
    '/state',
    state(() => sandbox.reset()),
  );
  routes.delete(
    '/tokens',
    state(() => sandbox.world.accessTokens.endAll()),
  );

  for (const part of ['apps', 'users', 'codes', 'sessions', 'tokens', 'faults', 'calls', 'pushes'] as const)
    routes.get(`/${part}`, (_req, res) => void sendJson(res, stateOf(sandbox.world)[part]));

  routes.put('/users/:user', validate(userRequest), (req, res) => {
    const { users } = sandbox.world;
    const user = nameOf(req.params['user']);
    users.set(user, req.body);
    sendJson(
      res,
      users.list().find((each) => each.user === user),
    );
  });

  routes.delete('/sessions/:user', (req, res) => {
    const { apps, sessionKeys } = sandbox.world;
    for (const { appid } of apps.list()) sessionKeys.end(appid, nameOf(req.params['user']));
    sendJson(res, sessionKeys.list());
  });

  routes.post('/faults', validate(faultRequest), (req, res) => {
    const { endpoint, ...fault } = req.body;
    sandbox.world.faults.add(endpoint, fault);
    sendJson(res, sandbox.world.faults.list());
  });

  routes.delete(['/faults', '/faults/:endpoint'], (req, res) => {
    const named = target.optional().safeParse(req.params['endpoint']);
    if (!named.success) throw new AppError('not_found');
    sandbox.world.faults.clear(named.data);
    sendJson(res, sandbox.world.faults.list());
  });

  routes.post('/clock', validate(clockRequest), (req, res) => {
    sandbox.world.clock.advance(req.body.advanceMs);
    sendJson(res, stateOf(sandbox.world).clock);
  });

  routes.put('/settings', validate(settingsRequest), (req, res) => {
    sendJson(res, Object.assign(sandbox.world.settings, req.body));
  });

  routes.use(controlAppRoutes(sandbox));
  return routes;
}
