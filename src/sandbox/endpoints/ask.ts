import { z } from 'zod';
import type { App } from '../apps.ts';
import { Refusal } from '../refusals.ts';
import type { World } from '../world.ts';

/** A request as an endpoint sees it. */
export interface Ask {
  readonly query: Readonly<Record<string, unknown>>;
  /** The JSON of the body; undefined where there is none, or it is not JSON. */
  readonly body: unknown;
  /** Whether there was a body at all. */
  readonly hasBody: boolean;
  /** The address that asks. */
  readonly ip: string;
}

/** A parameter of the query, which must be there. @throws {Refusal} with the errcode */
export function required(query: Ask['query'], name: string, missing: number): string {
  const value = query[name];
  if (typeof value !== 'string' || value === '') throw new Refusal(missing);
  return value;
}

/** The app that an access_token speaks for. WeChat reads it from the query only. @throws {Refusal} 40001, 40014, 41001, 42001 */
export function appOf(world: World, { query }: Ask): App {
  const appid = world.accessTokens.appidOf(required(query, 'access_token', 41001));
  const app = world.apps.find(appid);
  if (!app) throw new Refusal(40001);
  return app;
}

/** The body as this schema has it. @throws {Refusal} 44002, 47001 */
export function bodyOf<Body>({ body, hasBody }: Ask, schema: z.ZodType<Body>): Body {
  if (!hasBody) throw new Refusal(44002);
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new Refusal(47001);
  return parsed.data;
}

/** The user whom an openid names in this app. @throws {Refusal} 40003, 43104 */
export function userOf(world: World, appid: string, openid: string): string {
  const found = world.users.find(openid);
  if (!found) throw new Refusal(40003);
  if (found.appid !== appid) throw new Refusal(43104);
  return found.user;
}

/** What both content checks ask for. */
export const checked = z.object({ version: z.literal(2), scene: z.number(), openid: z.string() });

/** Whether content of this user may be checked. @throws {Refusal} 40003, 40129, 43104, 61010 */
export function requireActive(world: World, app: App, { scene, openid }: z.output<typeof checked>): void {
  if (![1, 2, 3, 4].includes(scene)) throw new Refusal(40129);
  userOf(world, app.appid, openid);
  if (!world.users.isActive(openid)) throw new Refusal(61010);
}
