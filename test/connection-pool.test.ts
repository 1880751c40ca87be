import { expect, test } from 'vitest';
import { createConnectionPool } from '../src/db/connection-pool.ts';

const FULL = Object.assign(new Error('Too many connections'), { code: 'ER_CON_COUNT_ERROR' });
const GONE = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

/** A pool on a server that gives so many connections. */
function given(gives: number, { size = 10, timeoutMs = 5000 } = {}) {
  const server = { gives, opened: 0, asked: 0, failsWith: undefined as Error | undefined };
  const limits: (number | undefined)[] = [];
  const closed: number[] = [];
  const pool = createConnectionPool<number>({
    size,
    timeoutMs,
    async open() {
      server.asked += 1;
      if (server.failsWith) throw server.failsWith;
      if (server.opened >= server.gives) throw FULL;
      server.opened += 1;
      return server.opened;
    },
    close: (connection) => void closed.push(connection),
    isOnlyFull: (error) => error === FULL,
    onLimit: (limit) => void limits.push(limit?.connections),
  });
  const use = async () => {
    const connection = await pool.acquire();
    await new Promise((resolve) => setImmediate(resolve));
    pool.release(connection);
    return connection;
  };
  return { pool, server, limits, closed, use };
}
const times = <T>(count: number, work: () => Promise<T>) => Promise.all(Array.from({ length: count }, work));

test('a server that gives five of ten serves everybody with them, and says so once', async () => {
  const { server, limits, use } = given(5);
  for (let burst = 0; burst < 5; burst++) await times(20, use);
  expect(server.opened).toBe(5);
  expect(limits).toEqual([5]);
});

test('once the server gives more, and a pause is over, it grows again, and says so once', async () => {
  const { server, limits, use } = given(1);
  await times(20, use);
  server.gives = 10;
  await expect
    .poll(async () => {
      await times(20, use);
      return server.opened;
    })
    .toBe(10);
  expect(limits).toEqual([1, undefined]);
});

test('while the pause lasts nobody asks for more', async () => {
  const { server, use } = given(5);
  await times(20, use);
  const asked = server.asked;
  await times(20, use);
  expect(server.asked).toBe(asked);
});

test('one that ends is replaced, for whoever waits too', async () => {
  const { pool, server } = given(2, { size: 2 });
  const [one, two] = await times(2, pool.acquire);
  server.opened = 1;
  const third = pool.acquire();
  pool.remove(Number(one));
  expect(await third).toBe(2);
  pool.release(Number(two));
});

test('with no connection at all the one who asks learns the cause', async () => {
  const { pool, limits } = given(0);
  await expect(pool.acquire()).rejects.toBe(FULL);
  expect(limits).toEqual([]);
});

test('a server that is away is told to the one who asks, though others have connections', async () => {
  const { pool, server } = given(5);
  await pool.acquire();
  server.failsWith = GONE;
  await expect(pool.acquire()).rejects.toBe(GONE);
});

test('who waits too long is told what the server said', async () => {
  const { pool } = given(1, { timeoutMs: 20 });
  await pool.acquire();
  await expect(pool.acquire()).rejects.toMatchObject({
    code: 'POOL_BUSY',
    message: 'no connection was free within 20 ms; the server gives 1 of 10: Too many connections',
  });
});

test('a thousand may wait; the next is refused at once, and nobody is forgotten', async () => {
  const { pool } = given(1, { size: 1 });
  const connection = await pool.acquire();
  const waiting = Array.from({ length: 1000 }, async () => pool.release(await pool.acquire()));
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_BUSY' });
  pool.release(connection);
  await Promise.all(waiting);
});

test('who waits longest is first', async () => {
  const { pool } = given(1, { size: 1 });
  const connection = await pool.acquire();
  const order: string[] = [];
  const waiting = ['a', 'b', 'c'].map(async (name) => {
    const own = await pool.acquire();
    order.push(name);
    pool.release(own);
  });
  pool.release(connection);
  await Promise.all(waiting);
  expect(order).toEqual(['a', 'b', 'c']);
});

test('closed, it tells whoever waits why, closes what is still opening, and can be used again', async () => {
  const { pool, closed } = given(10, { size: 1 });
  const first = await pool.acquire();
  const waits = pool.acquire();
  pool.closeAll(GONE);
  await expect(waits).rejects.toBe(GONE);
  expect(closed).toEqual([first]);
  pool.release(first);
  expect(await pool.acquire()).not.toBe(first);
  const opening = given(10);
  const late = opening.pool.acquire();
  opening.pool.closeAll(GONE);
  await expect(late).rejects.toBe(GONE);
  await expect.poll(() => opening.closed).toEqual([1]);
});
