import { expect, test } from 'vitest';
import { type EraseNeeds, eraseAccount } from '../src/handlers/erase-account.ts';

const avatars = { remove: async () => undefined, discard: async () => undefined };

test('a session that is opened while its user is erased goes with him', async () => {
  const open = new Set(['before', 'asking']);
  const sessions = {
    endAll: async () => open.delete('before'),
    end: async (_id: number, sid: string) => open.delete(sid),
  };
  const users = { findById: async () => undefined, erase: async () => void open.add('before') };
  const needs = { sessions, users, avatars } as unknown as EraseNeeds;
  await eraseAccount(needs, { id: 1, appid: 'wx', sid: 'asking' });
  expect([...open]).toEqual([]);
});

test('nothing is erased while the sessions cannot be ended', async () => {
  let erased = false;
  const sessions = { endAll: () => Promise.reject(new Error('away')) };
  const users = {
    findById: async () => undefined,
    async erase() {
      erased = true;
    },
  };
  const needs = { sessions, users, avatars } as unknown as EraseNeeds;
  await expect(eraseAccount(needs, { id: 1, appid: 'wx' })).rejects.toThrow('away');
  expect(erased).toBe(false);
});
