import { Router } from 'express';
import { z } from 'zod';
import { validate } from '../middleware/validate.ts';
import type { SandboxWeChat } from './wechat.ts';

const user = z.string().trim().min(1).max(64).default('Ada');
const yes = z.union([z.boolean(), z.stringbool()]).default(false);
const gender = z.coerce.number().int().min(0).max(2);

const loginSchema = z.object({ user, rotate: yes });
const profileSchema = z.object({
  user,
  anonymous: yes,
  nickName: z.string().exactOptional(),
  avatarUrl: z.string().exactOptional(),
  gender: gender.exactOptional(),
});
const buttonSchema = profileSchema.extend({ rotate: yes });

/**
 * The local WeChat over HTTP: under `/sns` what WeChat's server answers, under `/wx` what a phone's `wx` object does,
 * and `/login-button`, the body that the tutorial's login button sends to `POST /api/wxuser`.
 */
export function sandboxRoutes(wechat: SandboxWeChat): Router {
  const routes = Router();

  routes.get('/sns/jscode2session', (req, res) => {
    // WeChat sends its JSON as text/plain, and slashes may come escaped.
    res.type('text/plain').send(JSON.stringify(wechat.jscode2session(req.query)).replaceAll('/', '\\/'));
  });

  routes.post('/wx/login', validate(loginSchema), (req, res) => {
    const { user, rotate } = req.body;
    res.json({ errMsg: 'login:ok', code: wechat.login(user, { rotate }) });
  });

  routes.post('/wx/getUserProfile', validate(profileSchema), (req, res) => {
    const { user, anonymous, ...changes } = req.body;
    res.json({ errMsg: 'getUserProfile:ok', ...wechat.getUserProfile(user, changes, anonymous) });
  });

  routes.post('/login-button', validate(buttonSchema), (req, res) => {
    const { user, anonymous, rotate, ...changes } = req.body;
    const code = wechat.login(user, { rotate });
    const { encryptedData, iv, rawData, signature } = wechat.getUserProfile(user, changes, anonymous);
    res.json({ code, encryptedData, iv, rawData, signature });
  });

  return routes;
}
