import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import collection from '../postman/weapp-login.postman_collection.json' with { type: 'json' };
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { type RunningServer, startServer } from '../src/server.ts';

/** What is used of newman, which brings no types. */
interface Newman {
  run(options: RunOptions, done: (error: Error | null, summary: Summary) => void): void;
}

interface RunOptions {
  readonly collection: object;
  readonly envVar: readonly { readonly key: string; readonly value: string }[];
}

interface Summary {
  readonly run: {
    readonly stats: Readonly<Record<'requests' | 'assertions', { readonly total: number }>>;
    readonly failures: readonly {
      readonly source?: { readonly name?: string };
      /** `test` is the assertion's name; a request that got no answer has none. */
      readonly error: { readonly test?: string; readonly name: string; readonly message: string };
    }[];
  };
}

const newman: Newman = createRequire(import.meta.url)('newman');
const play = promisify(newman.run);

const requests = collection.item.flatMap((folder): { request: { url: string } }[] => folder.item);
const variables = new Map(collection.variable.map(({ key, value }) => [key, value]));
let server: RunningServer;

beforeAll(async () => {
  const config = loadConfig({
    PORT: '0',
    DATABASE_URL: 'sqlite::memory:',
    LOGIN_RATE_LIMIT: '1000',
  });
  server = await startServer(config, { log: createLog('silent') });
});
afterAll(() => server.close());

test.each(['a new server', 'a server that has been played before'])(
  'the whole collection holds on %s',
  async () => {
    const { run } = await play({ collection, envVar: [{ key: 'baseUrl', value: server.url }] });

    const failed = run.failures.map(
      ({ source, error }) => `${source?.name}: ${error.test ?? error.name}: ${error.message}`,
    );
    expect(failed).toEqual([]);
    expect(run.stats.requests.total).toBe(requests.length);
    // One is the collection's, for every request; each adds two or more of its own.
    expect(run.stats.assertions.total).toBeGreaterThanOrEqual(3 * requests.length);
  },
);

test('the collection imports as it is: version 2.1, and every request goes to baseUrl', () => {
  expect(collection.info.schema).toBe('https://schema.getpostman.com/json/collection/v2.1.0/collection.json');
  expect(variables.get('baseUrl')).toBe('http://localhost:8888');
  for (const { request } of requests) expect(request.url).toMatch(/^\{\{baseUrl\}\}\//);
});

test('the collection keeps nothing of a run: no token, no code, no profile', () => {
  const kept = [...variables].filter(([, value]) => value !== '').map(([key]) => key);
  expect(kept).toEqual(['baseUrl', 'user']);
  expect(JSON.stringify(collection)).not.toMatch(/eyJ[\w-]{8}|\b0[A-Za-z0-9]{31}\b|[A-Za-z0-9+/]{22}==/);
});
