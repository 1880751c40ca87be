import type { Response } from 'express';
import type { Fault } from './faults.ts';
import { Refusal } from './refusals.ts';

/** Answers as the fault wants it, and tells what happened. */
export function misbehave(res: Response, fault: Fault, now: Date): unknown {
  if (fault.hang) return '(no answer)';
  if (fault.cut) {
    res.destroy();
    return '(connection cut)';
  }
  if (fault.status !== undefined) res.status(fault.status);
  if (fault.garbage) return send(res, 'text/plain', '{"errcode":0,"errmsg":"o');
  if (fault.errcode === undefined) return send(res, 'text/html', `<html><h1>${fault.status}</h1></html>`);
  const reply = new Refusal(fault.errcode, fault.errmsg).toReply(now);
  res.json(reply);
  return reply;
}

/** Whether the fault takes the place of the answer, and does not only delay it. */
export function replacesAnswer({ errcode, status, garbage, hang, cut }: Fault): boolean {
  return errcode !== undefined || status !== undefined || garbage === true || hang === true || cut === true;
}

function send(res: Response, type: string, body: string): string {
  res.type(type).send(body);
  return body;
}
