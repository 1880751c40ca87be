import { z } from 'zod';
import { noneIfEmpty } from './fields.ts';
import { checked } from './http.ts';
import { accepted } from './refusals.ts';
import type { SendWithToken } from './with-token.ts';

/** Where a content stands, in WeChat's numbers. */
export const SCENES = { profile: 1, comment: 2, forum: 3, social: 4 } as const;

export type Scene = keyof typeof SCENES;

/** A text that a user wrote. */
export interface TextToCheck {
  /** At most 2500 characters. */
  readonly content: string;
  /** Of its author, who was in the mini program within the last two hours. */
  readonly openid: string;
  readonly scene: Scene;
  readonly nickname?: string;
}

/** A picture that a user gave. */
export interface ImageToCheck {
  /** Where WeChat can load it. */
  readonly mediaUrl: string;
  readonly openid: string;
  readonly scene: Scene;
}

/** What WeChat holds of a text. */
export interface Verdict {
  readonly suggest: 'pass' | 'review' | 'risky';
  /** 100 is fine; 10001 advertising, 20001 politics, 20002 porn, 20003 abuse, 20006 crime, 20008 fraud, 20012 vulgar, 20013 copyright, 21000 other. */
  readonly label: number;
  readonly traceId: string;
}

/** WeChat's content security. */
export interface WeChatContentCheck {
  /**
   * Has a text checked.
   * @throws {AppError} `wechat_user_inactive` when the author has not been here for two hours
   * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html
   */
  msgSecCheck(text: TextToCheck): Promise<Verdict>;
  /**
   * Has a picture checked; WeChat sends the verdict later, as the event `wxa_media_check` with this trace_id.
   * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync.html
   */
  mediaCheckAsync(image: ImageToCheck): Promise<string>;
}

const TEXT = '/wxa/msg_sec_check';
const MEDIA = '/wxa/media_check_async';
const VERSION = 2;
const IMAGE = 2;

const traceId = z.string().min(1).max(128);
const verdict = z.object({
  result: z.object({ suggest: z.enum(['pass', 'review', 'risky']), label: z.coerce.number() }),
  trace_id: z.preprocess(noneIfEmpty, traceId.default('none')), // for the log alone
});
const promised = z.object({ trace_id: traceId });

export function createContentCheck(send: SendWithToken): WeChatContentCheck {
  return {
    async msgSecCheck({ scene, ...text }) {
      const body = { ...text, version: VERSION, scene: SCENES[scene] };
      const reply = await send({ path: TEXT, body, private: Object.values(text) });
      const { result, trace_id } = checked(verdict, accepted(TEXT, reply));
      return { ...result, traceId: trace_id };
    },
    async mediaCheckAsync({ mediaUrl, openid, scene }) {
      const body = { media_url: mediaUrl, media_type: IMAGE, version: VERSION, scene: SCENES[scene], openid };
      const reply = await send({ path: MEDIA, body, private: [mediaUrl, openid] });
      return checked(promised, accepted(MEDIA, reply)).trace_id;
    },
  };
}
