import { Router } from 'express';
import { proveToken, type ReceiveNeeds, receiveMessage } from '../handlers/callback.ts';
import type { CallbackSettings } from '../handlers/open-message.ts';
import { convertFailure } from '../middleware/handle-errors.ts';
import { readText } from '../middleware/read-body.ts';
import type { FrontParts } from './front.ts';

export interface CallbackParts extends Omit<ReceiveNeeds, 'callback'>, FrontParts {
  /** Only with a `WX_CALLBACK_TOKEN`. */
  readonly callback: CallbackSettings | undefined;
}

const PATH = '/api/wechat/callback';

/** What WeChat itself calls. Goes in front of every body parser: it takes any type for the text that it is. */
export function callbackRoutes({ callback, ...parts }: CallbackParts): Router {
  const routes = Router();
  if (!callback) return routes;
  const needs = { ...parts, callback };
  routes.use(PATH, parts.front);
  routes.get(PATH, proveToken(needs));
  routes.post(PATH, readText, receiveMessage(needs));
  routes.use(convertFailure);
  return routes;
}
