import { readFile } from '../files.ts';
import { say } from '../phone.ts';
import { currentToken } from '../token.ts';
import { api, type Callbacks } from './api.ts';

interface Request {
  readonly url: string;
  readonly method?: string;
  readonly data?: unknown;
  readonly header?: Readonly<Record<string, string>>;
  readonly dataType?: string;
  readonly timeout?: number;
}

interface Upload extends Request {
  readonly filePath: string;
  readonly name: string;
  readonly formData?: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly statusCode: number;
  readonly data: unknown;
  readonly header: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 60_000;

/** Every HTTP status is a success; what comes is parsed if it is JSON. Gives a task that can be aborted. */
export const request = task<Request>('request', async (options, signal) => {
  const { method = 'GET', data, header = {}, dataType = 'json' } = options;
  const sent = new Headers(header);
  if (!sent.has('content-type')) sent.set('content-type', 'application/json');
  const url = new URL(options.url);
  const hasBody = !['GET', 'HEAD'].includes(method);
  if (!hasBody && data)
    for (const [name, value] of Object.entries(data)) url.searchParams.append(name, String(value));
  const body = hasBody && data !== undefined ? encode(data, sent) : undefined;
  const answer = await send(
    url,
    { method, headers: sent, signal, ...(body !== undefined && { body }) },
    data,
  );
  return dataType === 'json' ? { ...answer, data: parsed(answer.data) } : answer;
});

/** A file as multipart/form-data; what comes is always a text. */
export const uploadFile = task<Upload>(
  'uploadFile',
  async ({ url, filePath, name, formData = {}, header = {} }, signal) => {
    const file = readFile(filePath);
    if (!file) throw new Error('file not found');
    const body = new FormData();
    for (const [field, value] of Object.entries(formData)) body.append(field, String(value));
    body.append(name, file, filePath.replace(/^.*\//, ''));
    const shown = { ...formData, [name]: `${filePath}, ${file.size} bytes` };
    return send(new URL(url), { method: 'POST', headers: new Headers(header), signal, body }, shown);
  },
);

function task<Options extends Request>(
  name: string,
  run: (options: Options, signal: AbortSignal) => Promise<Answer>,
) {
  return (options: Options & Callbacks<Answer>) => {
    const aborted = new AbortController();
    const signal = AbortSignal.any([aborted.signal, AbortSignal.timeout(options.timeout ?? TIMEOUT_MS)]);
    const call = api<Options, Answer>(name, (given) =>
      run(given, signal).catch((error: Error) => {
        if (error.name === 'TimeoutError') throw new Error('timeout');
        throw new Error(error.name === 'AbortError' ? 'abort' : error.message);
      }),
    );
    // It never gives a promise.
    call({ fail: () => {}, ...options });
    return { abort: () => aborted.abort() };
  };
}

async function send(
  url: URL,
  init: RequestInit & { headers: Headers },
  shown: unknown,
): Promise<Answer & { data: string }> {
  const token = currentToken(init.headers);
  const startedAt = Date.now();
  const exchange = {
    method: init.method ?? 'GET',
    path: url.pathname + url.search,
    // As it goes over the wire: what is no JSON, such as a function, does not.
    body: shown === undefined ? undefined : JSON.parse(JSON.stringify(shown)),
    token,
    startedAt,
  };
  try {
    const response = await fetch(url, init);
    const data = await response.text();
    const ms = Date.now() - startedAt;
    say({ kind: 'request', exchange: { ...exchange, ms, status: response.status, answer: parsed(data) } });
    return { statusCode: response.status, data, header: Object.fromEntries(response.headers) };
  } catch (error) {
    say({
      kind: 'request',
      exchange: { ...exchange, ms: Date.now() - startedAt, status: 0, answer: String(error) },
    });
    throw error;
  }
}

/** A text as it is; an object as the content type says, which may be a form. */
function encode(data: unknown, headers: Headers): string {
  if (typeof data === 'string') return data;
  if (!headers.get('content-type')?.includes('x-www-form-urlencoded')) return JSON.stringify(data);
  return new URLSearchParams(
    Object.entries(Object(data)).map(([name, value]) => [name, String(value)]),
  ).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
