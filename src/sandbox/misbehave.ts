import type { Response } from 'express';
import type { Fault } from './faults.ts';

/** Does what no WeChat means to do, and tells what it was. */
export function misbehave(res: Response, fault: Fault): string {
  if (fault.hang) return '(no answer)';
  if (fault.cut) {
    res.destroy();
    return '(connection cut)';
  }
  const [type, body] = fault.garbage
    ? ['text/plain', '{"errcode":0,"errmsg":"o']
    : ['text/html', `<html><h1>${fault.status}</h1></html>`];
  res
    .status(fault.status ?? 200)
    .type(type)
    .send(body);
  return body;
}

/** Whether the fault takes the place of the answer, and does not only delay it. */
export function replacesAnswer({ errcode, status, garbage, hang, cut }: Fault): boolean {
  return errcode !== undefined || status !== undefined || garbage === true || hang === true || cut === true;
}
