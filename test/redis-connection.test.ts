import { expect, onTestFinished, test } from 'vitest';
import { type Health, type Kind, keepOpen } from '../src/redis/connection.ts';

/** A client of nothing: what happens to it is said from outside. */
interface Fake {
  lose(cause: Error): void;
  destroyed: boolean;
}

function startFake(changes: Partial<Kind<Fake>> = {}) {
  const made: Fake[] = [];
  const news: string[] = [];
  const kind: Kind<Fake> = {
    async make() {
      const fake = { lose: () => undefined, destroyed: false };
      made.push(fake);
      return fake;
    },
    connect: async () => undefined,
    check: async () => undefined,
    mayMove: () => false,
    onLost(client, lost) {
      client.lose = lost;
    },
    destroy(client) {
      client.destroyed = true;
    },
    ...changes,
  };
  const changed = (health: Health, cause?: Error) =>
    void news.push(health === 'up' ? health : `${health}: ${cause?.message}`);
  const connection = keepOpen(kind, { timeoutMs: 60_000, changed });
  onTestFinished(connection.close);
  return { made, news, connection };
}

const never = () => new Promise<never>(() => undefined);

test('a client that says it is lost is destroyed, and another takes its place', async () => {
  const { made, news, connection } = startFake();
  const first = await connection.client();
  first.lose(new Error('gone'));
  await expect.poll(() => made.length).toBe(2);
  expect(await connection.client()).not.toBe(first);
  expect(made.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  expect(news).toEqual(['down: gone', 'up']);
});

test('one that fails its check is left, too', async () => {
  const { made } = startFake({ check: () => Promise.reject(new Error('no')) });
  await expect.poll(() => made.filter(({ destroyed }) => destroyed).length, { timeout: 10_000 }).toBe(1);
});

test.each<[string, Partial<Kind<Fake>>]>([
  ['being found', { make: never }],
  ['connecting', { connect: never }],
])('closing does not wait for one that hangs while %s, and nobody waits for ever', async (_name, changes) => {
  const { made, connection } = startFake(changes);
  const waiting = connection.client();
  waiting.catch(() => undefined);
  await connection.close(); // with an hour to connect, the test would end first
  expect(made.every(({ destroyed }) => destroyed)).toBe(true);
  await expect(waiting).rejects.toThrow();
});

test('one that connects after it was given up is destroyed then', async () => {
  let connected: () => void = () => undefined;
  const connecting = new Promise<undefined>((resolve) => {
    connected = () => resolve(undefined);
  });
  const { made, connection } = startFake({ connect: () => connecting });
  await connection.close();
  const [late] = made as [Fake];
  late.destroyed = false;
  connected();
  await expect.poll(() => late.destroyed).toBe(true);
});

test('one that can only read stays, and is told once; so is its end', async () => {
  const cannotWrite = new Error('cannot write');
  let limit: Error | undefined = cannotWrite;
  const { made, news, connection } = startFake({ check: async () => limit });
  const client = await connection.client();
  await expect.poll(() => connection.limit, { timeout: 10_000 }).toBe(cannotWrite);
  expect(await connection.client()).toBe(client);
  limit = undefined;
  await expect.poll(() => connection.limit, { timeout: 10_000 }).toBeUndefined();
  expect(made).toHaveLength(1);
  expect(news).toEqual(['reads: cannot write', 'up']);
});

test('one that can only read is left where another one can write, and not before', async () => {
  const replica = new Error('replica');
  let limit: Error | undefined = replica;
  const { made, news, connection } = startFake({
    connect: async () => limit,
    check: async (client) => (client === made[0] ? replica : limit),
    mayMove: () => true,
  });
  const first = await connection.client();
  await expect.poll(() => made.length, { timeout: 10_000 }).toBe(2); // looked for, and found no better
  await expect.poll(() => made[1]?.destroyed).toBe(true);
  expect([await connection.client(), first.destroyed]).toEqual([first, false]);
  limit = undefined;
  await expect.poll(() => first.destroyed, { timeout: 10_000 }).toBe(true);
  expect(await connection.client()).toBe(made.at(-1));
  expect(news).toEqual(['reads: replica', 'up']);
});
