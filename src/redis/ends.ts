import { setTimeout as wait } from 'node:timers/promises';
import type { Ended, Ends } from '../auth/sessions.ts';
import type { RedisAddress } from '../redis-url.ts';
import { parseUserId } from '../user-id.ts';
import { type Commands, locator, type ServerClient, serverKind } from './clients.ts';
import { keepOpen } from './connection.ts';
import type { Redis } from './open.ts';

const PAUSE_MS = 25;

/**
 * Tells and hears ends over Redis pub/sub, on a connection of its own. In a Cluster every node passes on what was
 * published on another.
 */
export function createEnds(
  address: RedisAddress,
  run: Redis['run'],
  changed: (up: boolean, cause?: Error) => void,
): Ends & { close(): Promise<void> } {
  const channel = `${address.prefix}ends`;
  const listeners: ((ended: Ended | undefined) => void)[] = [];
  const tellAll = (ended: Ended | undefined) => {
    for (const heard of listeners) heard(ended);
  };

  const kind = serverKind(address, locator(address));
  const subscription = keepOpen<ServerClient>(
    {
      ...kind,
      check: (client) => client.ping(), // who subscribes can do little else in RESP2
      async connect(client) {
        await kind.connect(client);
        await client.subscribe(channel, (message) => tellAll(read(message)));
        tellAll(undefined); // for what was told while nobody listened
      },
    },
    { timeoutMs: address.timeoutMs, changed },
  );

  return {
    tell: ({ userId, sid }) =>
      run((commands) => publish(commands, channel, sid === undefined ? `${userId}` : `${userId} ${sid}`)),
    listen: (heard) => void listeners.push(heard),
    get hears() {
      return subscription.up;
    },
    close: () => subscription.close(),
  };
}

/** A Cluster's client publishes on any node in turn, a dead one too: then the next, also while it is finding out which there are. */
async function publish(commands: Commands, channel: string, message: string): Promise<void> {
  for (let tries = 20; ; tries--) {
    try {
      return void (await commands.publish(channel, message));
    } catch (error) {
      if (tries === 1) throw error;
      await wait(PAUSE_MS);
    }
  }
}

/** `<userId>` or `<userId> <sid>`; undefined for anything else. */
function read(message: string): Ended | undefined {
  const [, digits = '', sid] = /^(\d+)(?: ([\w-]+))?$/.exec(message) ?? [];
  const userId = digits === '0' ? 0 : parseUserId(digits);
  return userId === undefined ? undefined : { userId, ...(sid !== undefined && { sid }) };
}
