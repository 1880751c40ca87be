import { type Deliveries, REMEMBERED_MS } from '../wechat/deliveries.ts';
import type { Redis } from './open.ts';

/** Remembers in Redis, for all instances: `<prefix>callback:signature:<signature>`, `<prefix>callback:done:<message>`. */
export function createRedisDeliveries({ prefix, run }: Redis): Deliveries {
  const expiration = { type: 'PX', value: REMEMBERED_MS } as const;
  return {
    tie: (signature, message) =>
      run(async (commands) => {
        const key = `${prefix}callback:signature:${signature}`;
        const tied = await commands.set(key, message, { condition: 'NX', expiration });
        return tied !== null || (await commands.get(key)) === message;
      }),
    isDone: (message) =>
      run(async (commands) => (await commands.get(`${prefix}callback:done:${message}`)) !== null),
    done: (message) =>
      run(
        async (commands) =>
          void (await commands.set(`${prefix}callback:done:${message}`, '1', { expiration })),
      ),
  };
}
