import { expect, test } from 'vitest';
import type { Sessions } from '../src/auth/sessions.ts';
import type { Users } from '../src/db/users.ts';
import { eraseAccount } from '../src/handlers/erase-account.ts';

test('a session that is opened while its user is erased goes with him', async () => {
  const open = new Set(['before', 'asking']);
  const sessions = {
    endAll: async () => open.delete('before'),
    end: async (_id: number, sid: string) => open.delete(sid),
  };
  const users = { erase: async () => void open.add('before') };
  const needs = { sessions, users } as unknown as { sessions: Sessions; users: Users };
  await eraseAccount(needs, 1, 'asking');
  expect([...open]).toEqual([]);
});

test('nothing is erased while the sessions cannot be ended', async () => {
  let erased = false;
  const sessions = { endAll: () => Promise.reject(new Error('away')) };
  const users = {
    async erase() {
      erased = true;
    },
  };
  const needs = { sessions, users } as unknown as { sessions: Sessions; users: Users };
  await expect(eraseAccount(needs, 1)).rejects.toThrow('away');
  expect(erased).toBe(false);
});
