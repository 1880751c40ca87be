import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startApp } from './support/app.ts';
import { engines, redisThere } from './support/engines.ts';
import { runScript } from './support/process.ts';
import { startReceiver } from './support/receiver.ts';
import { startRedis } from './support/redis.ts';

const SCRIPT = fileURLToPath(new URL('fixtures/close.mjs', import.meta.url));

describe.each(engines)('on $name', ({ fresh }) => {
  test.each([
    ['the server', 'server'],
    ['its parts in an Express app', 'parts'],
  ])('%s: closed while everything hangs, nothing is left open', async (_name, how) => {
    const database = await fresh();
    onTestFinished(database.drop);
    const redis = redisThere ? await startRedis() : undefined;
    if (redis) onTestFinished(redis.stop);
    const receiver = await startReceiver();
    receiver.answer(() => undefined); // pushes hang
    const child = runScript(SCRIPT, [how, receiver.url], {
      PORT: '0',
      NODE_ENV: 'test',
      DATABASE_URL: database.url,
      WX_TIMEOUT_MS: '60000',
      ...(redis && { REDIS_URL: redis.url }),
    });
    await child.prints('closed after Ada');
    expect(await child.ended).toBe(0);
  });
});

test('a second close waits for the first', async () => {
  const app = await startApp();
  await Promise.all([app.stopServer(), app.stopServer()]);
  await app.stopServer();
  await expect(fetch(app.url)).rejects.toThrow();
});
