import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { handleErrors } from '../src/middleware/handle-errors.ts';
import { createLimitStore } from '../src/middleware/limit-store.ts';
import { limitLogins } from '../src/middleware/rate-limit.ts';

const WINDOW = { windowMs: 60_000 };

test('100,000 invented addresses take the room of 50,000, and who is over the limit stays over it', async () => {
  const store = createLimitStore();
  store.init(WINDOW);
  let hits = 0;
  for (let i = 0; i < 100_000; i++) {
    await store.increment(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    // One who goes on: it is used, so it makes no room.
    if (i % 1000 === 0) hits = (await store.increment('203.0.113.7')).totalHits;
  }
  expect(store.size).toBe(50_000);
  expect(hits).toBe(100);
});

test('a count begins anew with its window, and can be taken back', async () => {
  const store = createLimitStore();
  store.init({ windowMs: -1 });
  expect([await store.increment('a'), await store.increment('a')]).toMatchObject([
    { totalHits: 1 },
    { totalHits: 1 },
  ]);
  store.init(WINDOW);
  await store.increment('b');
  expect(await store.increment('b')).toMatchObject({ totalHits: 2 });
  await store.decrement('b');
  expect(await store.get?.('b')).toMatchObject({ totalHits: 1 });
  await store.resetKey('b');
  expect(await store.get?.('b')).toBeUndefined();
});

test('what is no address, however long, takes one key; an IPv6 /56 takes one', async () => {
  const store = createLimitStore();
  const app = express().set('trust proxy', true).use(limitLogins(3, store)).use(handleErrors);
  const http = createServer(app).listen(0, '127.0.0.1');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  await once(http, 'listening');
  const { port } = http.address() as { port: number };
  const from = async (address: string) =>
    (await fetch(`http://127.0.0.1:${port}/`, { headers: { 'X-Forwarded-For': address } })).status;
  const garbage = ['x'.repeat(8000), 'y'.repeat(8000), '<script>', '203.0.113.7.8'];
  const statuses = await Promise.all(garbage.map(from));
  expect(statuses.toSorted()).toEqual([404, 404, 404, 429]);
  expect(store.size).toBe(1);
  await Promise.all(['2001:db8::1', '2001:db8::2', '203.0.113.7'].map(from));
  expect(store.size).toBe(3);
});
