import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';
import { type Logger, scrub } from '../log.ts';
import type { Deliveries } from '../wechat/deliveries.ts';
import type { Message } from '../wechat/messages.ts';
import { checkSignature, type OpenNeeds, openMessage } from './open-message.ts';
import { type EventNeeds, handleEvent } from './wechat-events.ts';

export interface ReceiveNeeds extends OpenNeeds, EventNeeds {
  readonly deliveries: Deliveries;
  readonly log: Logger;
}

/** WeChat asks, when the address is entered in its console, whether we know the Token: the echo proves it. The same in every mode. */
export function proveToken(needs: OpenNeeds): RequestHandler {
  return (req, res) => {
    checkSignature(req.query, needs, 'signature');
    const { echostr } = req.query;
    if (typeof echostr !== 'string') throw new AppError('callback_unreadable', { reason: 'no echostr' });
    res.type('text').send(echostr);
  };
}

/** WeChat pushes a message: what it asks for is done once, and answered `success` however often it is repeated. */
export function receiveMessage(needs: ReceiveNeeds): RequestHandler {
  const { deliveries, log } = needs;
  return async (req, res) => {
    const { message, appid, text, signature } = openMessage(req.query, req.body, needs);
    const digest = createHash('sha256').update(text).digest('hex');
    if (!(await deliveries.tie(signature, digest)))
      throw new AppError('callback_replayed', { reason: 'the signature came with another message before' });
    if (!(await deliveries.isDone(digest))) {
      const event = message.type === 'event' ? message.event : undefined;
      const outcome = await handleEvent(event, message.fields, appid, needs);
      await deliveries.done(digest);
      log.info({ id: req.id, event: nameOf(message), ...outcome }, 'wechat event');
    }
    res.type('text').send('success');
  };
}

/** For the log: a name of WeChat's, and nothing else that somebody may have written there. */
function nameOf({ event, type = '' }: Message): string {
  const name = event ?? type;
  return /^\w{1,64}$/.test(name) ? scrub(name) : 'other';
}
