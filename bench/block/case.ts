/** A request as it is sent. */
export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What a request may need of the server: a login, a code, a signature. */
export interface Attacker {
  /** Of a user who is logged in, as the Authorization header has it. */
  readonly token: string;
  /** A login code that nobody has used. */
  code(): Promise<string>;
  /** The query that WeChat signs a push with. */
  signed(): string;
}

/** A request that is meant to hold the server. */
export interface Case {
  /** As the routers name it: `PUT /api/wxuser/me`. */
  readonly route: string;
  readonly name: string;
  readonly request: (attacker: Attacker) => Sent | Promise<Sent>;
  /** Settings of the server that are not those of the others. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Nearly what Node takes for all headers and the path together. */
export const HEADER = 15_000;
/** Nearly what we take for a body. */
export const BODY = 64_000;

const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** A text repeated to a length. */
export function fill(text: string, length: number): string {
  return text.repeat(Math.ceil(length / text.length)).slice(0, length);
}

/** JSON lists, or objects, in one another. */
export function nested(open: '[' | '{"a":', depth: number): string {
  return `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`;
}

/** A JSON object with so many names. */
export function manyKeys(count: number): string {
  const keys = Array.from({ length: count }, (_, i) => `"${((i * 9973) % 100_000).toString(36)}":1`);
  return `{${keys.join(',')}}`;
}

/** Named bodies, each as a request with JSON. */
export function jsonBodies(route: string, bodies: Readonly<Record<string, string>>, token = false): Case[] {
  const [method = '', path = ''] = route.split(' ');
  return Object.entries(bodies).map(([name, body]) => ({
    route,
    name,
    request: (attacker) => ({
      method,
      path: path.replaceAll(/:\w+/g, 'x'),
      headers: token ? { ...JSON_TYPE, Authorization: attacker.token } : JSON_TYPE,
      body,
    }),
  }));
}

/** Likewise with a form. */
export function formBodies(route: string, bodies: Readonly<Record<string, string>>): Case[] {
  return jsonBodies(route, bodies).map((each) => ({
    ...each,
    request: async (attacker) => ({ ...(await each.request(attacker)), headers: FORM_TYPE }),
  }));
}

/** Bodies that any route which reads JSON may get. */
export const HOSTILE_JSON = {
  'lists in one another': nested('[', 31_000),
  'objects in one another': nested('{"a":', 10_000),
  'lists without an end': fill('[', BODY),
  'thousands of names': manyKeys(6500),
  'a number of 64,000 digits': `{"a":${fill('9', BODY)}}`,
  'numbers with huge exponents': `[${fill('1.7976931348623157e-308,', BODY - 8)}1]`,
  escapes: `{"a":"${fill('\\u0041', 63_996)}"}`,
  'no JSON': fill('#', BODY),
};
