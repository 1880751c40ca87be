import { type Request, type Response, Router } from 'express';
import { sendJson, toJson } from '../json.ts';
import { clientAddress } from '../middleware/client-address.ts';
import { isUnread, readText } from '../middleware/read-body.ts';
import type { Ask } from './endpoints/ask.ts';
import { type Endpoint, endpoints } from './endpoints/table.ts';
import type { Fault } from './faults.ts';
import { misbehave, replacesAnswer } from './misbehave.ts';
import { Refusal } from './refusals.ts';
import type { SandboxWeChat } from './wechat.ts';
import type { World } from './world.ts';

/** What WeChat's server answers, with the faults that are in force. The HTTP status is 200, errcodes included. */
export function apiRoutes(sandbox: SandboxWeChat): Router {
  const routes = Router();
  for (const endpoint of endpoints) {
    // WeChat reads a body as JSON whatever its type says; a host app may have read it before.
    routes.all(endpoint.path, readText, async (req: Request, res: Response) => {
      const { world } = sandbox;
      destroyAt(sandbox.closed, res);
      world.calls.count(endpoint.name);
      const ask = toAsk(req);
      const at = world.clock.now();
      const fault = world.faults.strike(endpoint.name);
      const sent = await serve(world, endpoint, ask, { req, res, fault });
      world.calls.record({
        at,
        endpoint: endpoint.name,
        method: req.method,
        query: ask.query,
        body: ask.body,
        ...(res.headersSent && { status: res.statusCode }),
        answer: sent,
      });
    });
  }
  return routes;
}

/** An answer that a fault holds back would hold the server, too. */
function destroyAt(closed: AbortSignal, res: Response): void {
  const destroy = () => res.destroy();
  closed.addEventListener('abort', destroy);
  res.once('close', () => closed.removeEventListener('abort', destroy));
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly fault: Fault | undefined;
}

/** Answers, well or badly, and tells what was sent. */
async function serve(world: World, endpoint: Endpoint, ask: Ask, { req, res, fault }: Exchange) {
  const isStruck = fault !== undefined && replacesAnswer(fault);
  const own = isStruck && !fault.after ? undefined : answerOf(world, endpoint, ask, req.method);
  if (fault?.delayMs !== undefined) await world.wait(fault.delayMs);
  if (isStruck && fault.errcode === undefined) return misbehave(res, fault);
  const answer = isStruck ? new Refusal(fault.errcode ?? 0, fault.errmsg).toReply(world.clock.now()) : own;
  res.status(fault?.status ?? 200);
  if (endpoint.asText) res.type('text/plain').send(toJson(answer).replaceAll('/', '\\/'));
  else sendJson(res, answer);
  return answer;
}

function answerOf(world: World, endpoint: Endpoint, ask: Ask, method: string): object {
  try {
    if (method !== endpoint.method) throw new Refusal(endpoint.method === 'GET' ? 43001 : 43002);
    return endpoint.answer(world, ask);
  } catch (error) {
    if (error instanceof Refusal) return error.toReply(world.clock.now());
    throw error;
  }
}

function toAsk(req: Request): Ask {
  const sent: unknown = isUnread(req) ? undefined : req.body;
  const hasBody = typeof sent === 'string' ? sent.trim() !== '' : sent !== undefined;
  const body = typeof sent === 'string' ? parse(sent) : sent;
  return { query: req.query, body, hasBody, ip: clientAddress(req) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
