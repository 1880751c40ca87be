import { z } from 'zod';
import { mediaCheckEvent } from '../events.ts';
import { Refusal, ridOf } from '../refusals.ts';
import { judge } from '../verdicts.ts';
import type { World } from '../world.ts';
import { type Ask, appOf, bodyOf, checked, requireActive } from './ask.ts';

const MAX_CONTENT = 2500;

const text = z.string().default('');
const messageRequest = checked.extend({
  content: z.string().min(1),
  title: text,
  nickname: text,
  signature: text,
});
const mediaRequest = checked.extend({ media_url: z.url(), media_type: z.literal([1, 2]) });

/**
 * Whether a text may be shown. An errcode of 0 only says that the call worked.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/msgSecCheck.html
 */
export function msgSecCheck(world: World, ask: Ask): object {
  const app = appOf(world, ask);
  const sent = bodyOf(ask, messageRequest);
  if ([...sent.content].length > MAX_CONTENT) throw new Refusal(45002);
  requireActive(world, app, sent);
  const verdict = judge(sent.content, sent.title, sent.nickname, sent.signature);
  return { errcode: 0, errmsg: 'ok', ...verdict, trace_id: ridOf(world.clock.now()) };
}

/**
 * Whether a picture (2) or sound (1) may be shown: the answer is a trace_id, the verdict is pushed later.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/mediaCheckAsync.html
 */
export function mediaCheckAsync(world: World, ask: Ask): object {
  const app = appOf(world, ask);
  const sent = bodyOf(ask, mediaRequest);
  requireActive(world, app, sent);
  const now = world.clock.now();
  const traceId = ridOf(now);
  const event = mediaCheckEvent(traceId, judge(sent.media_url), {
    appid: app.appid,
    openid: sent.openid,
    now,
  });
  void world.pushes.send(app, event, world.settings.mediaCheckDelayMs);
  return { errcode: 0, errmsg: 'ok', trace_id: traceId };
}
