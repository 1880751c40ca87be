import { Router } from 'express';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { sendJson } from '../json.ts';
import { readForm, readJson } from '../middleware/read-body.ts';
import { validate } from '../middleware/validate.ts';
import { getPhoneNumber, getUserInfo, getUserProfile, type Hand, login } from './phone.ts';
import type { SandboxWeChat } from './wechat.ts';

const yes = z.union([z.boolean(), z.stringbool()]);
const hand = { user: z.string().trim().min(1).max(64).default('Ada'), appid: z.string().exactOptional() };

const handSchema = z.object(hand);
const loginSchema = z.object({ ...hand, rotate: yes.exactOptional() });
const profileSchema = z.object({
  ...hand,
  anonymous: yes.exactOptional(),
  nickName: z.string().exactOptional(),
  avatarUrl: z.string().exactOptional(),
  gender: z.coerce.number().int().min(0).max(2).exactOptional(),
});
const buttonSchema = profileSchema.extend({ rotate: yes.exactOptional() });

const NO_APP = {
  path: 'appid',
  message: { zh: '不是沙箱中的小程序', en: 'is not an app of the sandbox' },
};

/**
 * What a phone's `wx` object does, under `/wx`, and `/login-button`, the body that the tutorial's login button sends to
 * `POST /api/wxuser`.
 */
export function phoneRoutes(sandbox: SandboxWeChat): Router {
  const routes = Router();
  routes.use(['/wx', '/login-button'], readJson, readForm);
  const handOf = ({ user, appid }: z.output<typeof handSchema>): Hand => {
    const { apps } = sandbox.world;
    const app = appid === undefined ? apps.first : apps.find(appid);
    if (!app) throw new AppError('invalid_request', { issues: [NO_APP] });
    return { user, app };
  };

  routes.post('/wx/login', validate(loginSchema), (req, res) => {
    const { rotate, ...who } = req.body;
    sendJson(res, { errMsg: 'login:ok', code: login(sandbox.world, handOf(who), rotate) });
  });

  routes.post('/wx/getUserProfile', validate(profileSchema), (req, res) => {
    const { user, appid, ...changes } = req.body;
    const profile = getUserProfile(sandbox.world, handOf(req.body), changes);
    sendJson(res, { errMsg: 'getUserProfile:ok', ...profile });
  });

  routes.post('/wx/getUserInfo', validate(profileSchema), (req, res) => {
    const { user, appid, ...changes } = req.body;
    sendJson(res, { errMsg: 'getUserInfo:ok', ...getUserInfo(sandbox.world, handOf(req.body), changes) });
  });

  routes.post('/wx/getPhoneNumber', validate(handSchema), (req, res) => {
    sendJson(res, { errMsg: 'getPhoneNumber:ok', ...getPhoneNumber(sandbox.world, handOf(req.body)) });
  });

  routes.post('/login-button', validate(buttonSchema), (req, res) => {
    const { user, appid, rotate, ...changes } = req.body;
    const code = login(sandbox.world, handOf(req.body), rotate);
    const profile = getUserProfile(sandbox.world, handOf(req.body), changes);
    const { encryptedData, iv, rawData, signature } = profile;
    sendJson(res, { code, encryptedData, iv, rawData, signature });
  });

  return routes;
}
