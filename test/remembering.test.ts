import { expect, onTestFinished, test, vi } from 'vitest';
import { type Ended, type Ends, remembering, type Sessions, type Standing } from '../src/auth/sessions.ts';
import { AppError } from '../src/errors.ts';

/** Sessions whose answers a test gives, remembered for an hour. */
function start(ends?: Ends) {
  const standing = vi.fn(async (_userId: number, _sid: string): Promise<Standing> => 'good');
  const end = vi.fn(async () => true);
  const forget = vi.fn(async (_userId: number) => undefined);
  const kept: Sessions = {
    open: async () => [],
    standing,
    find: async () => undefined,
    list: async () => [],
    end,
    endAll: async () => undefined,
    forget,
  };
  return { standing, end, forget, sessions: remembering(kept, 3600, ends) };
}

/** Answers when the test says so. */
function later<T>() {
  let [resolve, reject]: [(value: T) => void, (cause: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

const deaf: Ends = { tell: async () => undefined, listen: () => undefined, hears: false };

test('a good answer is remembered for its user alone', async () => {
  const { standing, sessions } = start();
  for (let i = 0; i < 3; i++) expect(await sessions.standing(1, 'sid')).toBe('good');
  expect(standing).toHaveBeenCalledTimes(1);
  standing.mockResolvedValue('ended');
  expect(await sessions.standing(2, 'sid')).toBe('ended');
});

test('while a session is being ended it is not remembered, nor is what was read meanwhile', async () => {
  const { standing, end, sessions } = start();
  await sessions.standing(1, 'sid');
  const ending = later<boolean>();
  end.mockReturnValueOnce(ending.promise);
  const ended = sessions.end(1, 'sid');
  expect(await sessions.standing(1, 'sid')).toBe('good'); // read before the end
  expect(standing).toHaveBeenCalledTimes(2);
  ending.resolve(true);
  await ended;
  standing.mockResolvedValue('ended');
  expect(await sessions.standing(1, 'sid')).toBe('ended');
});

test('nor where its end failed half-way', async () => {
  const { standing, end, sessions } = start();
  const ending = later<boolean>();
  end.mockReturnValueOnce(ending.promise);
  const ended = sessions.end(1, 'sid');
  await sessions.standing(1, 'sid');
  ending.reject(new AppError('database_unavailable'));
  await expect(ended).rejects.toThrow();
  standing.mockResolvedValue('ended');
  expect(await sessions.standing(1, 'sid')).toBe('ended');
});

test.each<[string, Ended | undefined, number]>([
  ['one session', { userId: 1, sid: 'a' }, 1],
  ['all of a user’s', { userId: 1 }, 2],
  ['anything', undefined, 3],
  ['a session that is nobody’s', { userId: 9, sid: 'b' }, 0],
])('what is heard of is forgotten, and no more: %s', async (_name, ended, asked) => {
  let hear: (ended: Ended | undefined) => void = () => undefined;
  const ends: Ends = {
    tell: async () => undefined,
    listen(heard) {
      hear = heard;
    },
    hears: true,
  };
  const { standing, sessions } = start(ends);
  const all: [number, string][] = [
    [1, 'a'],
    [1, 'b'],
    [2, 'c'],
  ];
  for (const each of all) await sessions.standing(...each);
  hear(ended);
  for (const each of all) await sessions.standing(...each);
  expect(standing).toHaveBeenCalledTimes(all.length + asked);
});

test('who is to be asked about anew is, with every session of his, and nobody else; others are told', async () => {
  const { standing, forget, sessions } = start();
  const all: [number, string][] = [
    [1, 'a'],
    [1, 'b'],
    [2, 'c'],
  ];
  for (const each of all) await sessions.standing(...each);
  await sessions.forget(1);
  expect(forget).toHaveBeenCalledExactlyOnceWith(1);
  standing.mockResolvedValue('banned');
  const standings = [];
  for (const each of all) standings.push(await sessions.standing(...each));
  expect(standings).toEqual(['banned', 'banned', 'good']);
});

test('nor is that remembered which was read while others were told, or could not be', async () => {
  const { standing, forget, sessions } = start();
  const telling = later<undefined>();
  forget.mockReturnValueOnce(telling.promise);
  const told = sessions.forget(1);
  await sessions.standing(1, 'sid');
  telling.reject(new AppError('database_unavailable'));
  await expect(told).rejects.toMatchObject({ code: 'database_unavailable' });
  standing.mockResolvedValue('banned');
  expect(await sessions.standing(1, 'sid')).toBe('banned');
});

test('the end of somebody else’s session does not keep an answer from being remembered', async () => {
  const { standing, sessions } = start();
  const answer = later<Standing>();
  standing.mockReturnValueOnce(answer.promise);
  const asked = sessions.standing(1, 'sid');
  await sessions.end(2, 'sid');
  answer.resolve('good');
  await asked;
  await sessions.standing(1, 'sid');
  expect(standing).toHaveBeenCalledTimes(1);
});

test('a bad answer ends what was remembered, also for the time when there is none', async () => {
  const { standing, sessions } = start(deaf);
  await sessions.standing(1, 'sid');
  standing.mockResolvedValueOnce('ended');
  expect(await sessions.standing(1, 'sid')).toBe('ended');
  standing.mockRejectedValue(new AppError('database_unavailable'));
  await expect(sessions.standing(1, 'sid')).rejects.toMatchObject({ code: 'database_unavailable' });
});

test('what is remembered stands in for an answer that cannot be had, and for no other failure', async () => {
  const { standing, sessions } = start(deaf);
  await sessions.standing(1, 'sid');
  standing.mockRejectedValueOnce(new AppError('database_unavailable'));
  expect(await sessions.standing(1, 'sid')).toBe('good');
  standing.mockRejectedValueOnce(new TypeError('a mistake of ours'));
  await expect(sessions.standing(1, 'sid')).rejects.toThrow(TypeError);
});

test('for so many seconds and not one moment longer, also while it cannot ask', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  for (const ends of [undefined, deaf]) {
    const { standing, sessions } = start(ends);
    await sessions.standing(1, 'sid');
    standing.mockRejectedValue(new AppError('database_unavailable'));
    vi.advanceTimersByTime(3_599_999);
    expect(await sessions.standing(1, 'sid')).toBe('good');
    vi.advanceTimersByTime(1);
    await expect(sessions.standing(1, 'sid')).rejects.toMatchObject({ code: 'database_unavailable' });
  }
});
