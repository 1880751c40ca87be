import { createHash, randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';
import { type Logger, scrub } from '../log.ts';
import { noteAudit, writeAudit } from '../middleware/audit.ts';
import type { Deliveries } from '../wechat/deliveries.ts';
import { type Message, PATH_CHECK } from '../wechat/messages.ts';
import { asksForPath, checkSignature, type OpenNeeds, openMessage } from './open-message.ts';
import { type EventNeeds, handleEvent } from './wechat-events.ts';

export interface ReceiveNeeds extends OpenNeeds, EventNeeds {
  readonly deliveries: Deliveries;
  readonly log: Logger;
}

/**
 * WeChat asks, when the address is entered in its console, whether we know the Token: the echo proves it. The same in every mode.
 * Its signature is tied to the echo: it opens no message, and that of a message proves nothing here.
 */
export function proveToken(needs: OpenNeeds & Pick<ReceiveNeeds, 'deliveries'>): RequestHandler {
  return async (req, res) => {
    const { signature } = checkSignature(req.query, needs, 'signature');
    const { echostr } = req.query;
    if (typeof echostr !== 'string')
      throw new AppError('callback_unreadable', {
        reason:
          'the query has no echostr, which WeChat sends when the URL is entered in its console: was it opened by hand?',
      });
    await useSignature(needs.deliveries, signature, digestOf(`echostr=${echostr}`));
    res.type('text').send(echostr);
  };
}

/** WeChat pushes a message: what it asks for is done once, and answered `success` however often it is repeated. */
export function receiveMessage(needs: ReceiveNeeds): RequestHandler {
  const { deliveries, log } = needs;
  return async (req, res) => {
    if (asksForPath(req.body)) {
      log.info({ id: req.id, event: PATH_CHECK, outcome: 'answered' }, CLOUD_RUN_NOTE);
      return void res.type('text').send('success');
    }
    const opened = openMessage(req.query, req.body, needs);
    const digest = digestOf(opened.text);
    await useSignature(deliveries, opened.signature, digest);
    await once(deliveries, digest, async () => {
      const { audit, ...outcome } = await handleEvent(opened, needs);
      log.info({ id: req.id, event: nameOf(opened.message), ...outcome }, 'wechat event');
      if (audit === undefined || outcome.user === undefined) return;
      noteAudit(req, { user: outcome.user, appid: opened.appid });
      writeAudit(log, req, audit, 'ok');
    });
    res.type('text').send('success');
  };
}

const CLOUD_RUN_NOTE =
  'WeChat Cloud Run asks for this path: what it pushes itself is not signed and will be refused, so enter the URL in the console of the mini program';

/** @throws {AppError} `callback_replayed` if the signature came with something else before */
async function useSignature(deliveries: Deliveries, signature: string, digest: string): Promise<void> {
  if (!(await deliveries.tie(signature, digest)))
    throw new AppError('callback_replayed', { reason: 'the signature came with another message before' });
}

/** Does what a message asks for, unless that was done. While another attempt is at it, WeChat is asked to come again. */
async function once(deliveries: Deliveries, digest: string, work: () => Promise<void>): Promise<void> {
  const owner = randomUUID();
  const claim = await deliveries.claim(digest, owner);
  if (claim === 'busy')
    throw new AppError('database_unavailable', { reason: 'the same message is being dealt with' });
  if (claim === 'done') return;
  try {
    await work();
  } catch (error) {
    // Where the database is away, the claim ends by itself.
    await deliveries.release(digest, owner).catch(() => undefined);
    throw error;
  }
  await deliveries.done(digest);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** For the log: a name of WeChat's, and nothing else that somebody may have written there. */
function nameOf({ event, type = '' }: Message): string {
  const name = event ?? type;
  return /^\w{1,64}$/.test(name) ? scrub(name, 64) : 'other';
}
