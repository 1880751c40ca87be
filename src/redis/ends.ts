import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Ended, Ends } from '../auth/sessions.ts';
import type { RedisAddress } from '../redis-url.ts';
import { parseUserId } from '../user-id.ts';
import { type Commands, locator, type ServerClient, serverKind, unlessWritesAlone } from './clients.ts';
import { type Health, keepOpen } from './connection.ts';
import type { Redis } from './open.ts';
import { isReplica, neverDoes } from './refusals.ts';

const PAUSE_MS = 25;

interface Deps {
  readonly run: Redis['run'];
  /** What publishes. Fails where nobody would hear it. */
  readonly publisher: () => Promise<Commands>;
}

/**
 * Tells and hears ends over Redis pub/sub, on a connection of its own. In a Cluster every node passes on what was
 * published on another. It counts as hearing only what has heard itself: where nobody may publish, or a proxy drops what
 * is published, each instance asks for every call.
 */
export function createEnds(
  address: RedisAddress,
  { run, publisher }: Deps,
  changed: (health: Health, cause?: Error) => void,
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
      check: (client) => unlessWritesAlone(client.ping()).then(() => undefined), // it can do little else in RESP2
      async connect(client) {
        const limit = await kind.connect(client);
        if (isReplica(limit)) throw limit;
        // Of user 0, who is nobody: the others have nothing to forget.
        const greeting = `0 ${randomBytes(9).toString('base64url')}`;
        await new Promise<void>((heard, failed) => {
          const hear = (message: string) => (message === greeting ? heard() : tellAll(read(message)));
          const greet = async () => (await publisher()).publish(channel, greeting);
          client.subscribe(channel, hear).then(greet).catch(failed);
        });
        tellAll(undefined); // for what was told while nobody listened
        return undefined;
      },
    },
    { timeoutMs: address.timeoutMs, changed },
  );

  return {
    tell: ({ userId, sid }) =>
      run(async () => {
        const message = sid === undefined ? `${userId}` : `${userId} ${sid}`;
        await publish(await publisher(), channel, message).catch((error: Error) => {
          // Where nobody may publish nobody counts on hearing.
          if (subscription.up || !neverDoes(error)) throw error;
        });
      }),
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
      if (tries === 1 || neverDoes(error as Error)) throw error;
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
