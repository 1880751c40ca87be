import { readFile } from 'node:fs/promises';
import type { Clock, Platform, Response } from '../../miniprogram/session/platform.ts';
import type { TestApp } from './app.ts';
import { until } from './until.ts';

/** What becomes of one call: its callback comes twice, never (the call has its effect), later, or it fails; or somebody else answers. */
type Way = 'twice' | 'never' | 'late' | 'fail' | { readonly fails: string } | Response;

export interface Phone extends Platform {
  /** Who holds it. */
  user: string;
  /** What was called, in order: `login`, `GET /api/wxuser/me`, … */
  readonly calls: string[];
  /** Those that have called back. */
  readonly answered: string[];
  /** The headers of the requests. */
  readonly headers: Record<string, string>[];
  readonly storage: Map<string, unknown>;
  /** Calls that were ended. */
  readonly aborted: string[];
  count(call: string): number;
  /** The next such call, and after it the one after, goes this way. */
  next(call: string, ...ways: Way[]): void;
  /** The late callbacks come. */
  deliver(): void;
}

interface Callbacks {
  success(result: unknown): void;
  fail(error: unknown): void;
}

/** A phone whose wx speaks to a server over HTTP, and logs in at its sandbox. */
export function createPhone(app: TestApp, user = 'Ada'): Phone {
  const plans: { call: string; way: Way }[] = [];
  const late: (() => void)[] = [];
  const storage = new Map<string, unknown>();

  function perform(call: string, callbacks: object, act: () => Promise<unknown>) {
    const { success, fail } = callbacks as Callbacks;
    phone.calls.push(call);
    const at = plans.findIndex((plan) => plan.call === call);
    const way = plans.splice(at, at < 0 ? 0 : 1)[0]?.way;
    const end = async () => {
      if (way === 'fail') return fail({ errMsg: `${call}:fail` });
      if (typeof way === 'object' && 'fails' in way) return fail({ errMsg: way.fails });
      if (typeof way === 'object') return success(way);
      const tell = await act().then(
        (result) => () => success(result),
        (error) => () => fail({ errMsg: `request:fail ${error}` }),
      );
      if (way === 'never') return;
      if (way === 'late') return void late.push(tell);
      tell();
      phone.answered.push(call);
      if (way === 'twice') {
        tell();
        fail({ errMsg: 'request:fail after all' });
      }
    };
    void end();
    return { abort: () => void phone.aborted.push(call) };
  }

  const atSandbox = async (path: string) =>
    (await app.call('POST', `/sandbox/wx/${path}`, { user: phone.user })).body;

  const phone: Phone = {
    user,
    calls: [],
    answered: [],
    headers: [],
    storage,
    aborted: [],
    count: (call) => phone.calls.filter((each) => each === call).length,
    next: (call, ...ways) => void plans.push(...ways.map((way) => ({ call, way }))),
    deliver: () => {
      for (const tell of late.splice(0)) tell();
    },
    login: (options) => perform('login', options, () => atSandbox('login')),
    getUserProfile: (options) => perform('getUserProfile', options, () => atSandbox('getUserProfile')),
    request({ url, method, data, header, ...callbacks }) {
      phone.headers.push(header);
      return perform(`${method} ${new URL(url).pathname}`, callbacks, async () => {
        const type = data !== undefined && { 'Content-Type': 'application/json' };
        const body = data !== undefined && { body: JSON.stringify(data) };
        const response = await fetch(url, { method, headers: { ...type, ...header }, ...body });
        const text = await response.text();
        return {
          statusCode: response.status,
          header: Object.fromEntries(response.headers),
          data: text && response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text,
        };
      });
    },
    uploadFile({ url, filePath, name, formData = {}, header, ...callbacks }) {
      phone.headers.push(header);
      return perform(`upload ${new URL(url).pathname}`, callbacks, async () => {
        const form = new FormData();
        for (const [key, value] of Object.entries(formData)) form.append(key, String(value));
        form.append(
          name,
          new Blob([new Uint8Array(await readFile(filePath))], { type: 'image/jpeg' }),
          'tmp.jpg',
        );
        const response = await fetch(url, { method: 'POST', headers: header, body: form });
        return { statusCode: response.status, data: await response.text() };
      });
    },
    getStorageSync: (key) => structuredClone(storage.get(key)) ?? '',
    setStorageSync: (key, value) => void storage.set(key, structuredClone(value)),
    removeStorageSync: (key) => void storage.delete(key),
  };
  return phone;
}

export interface TestClock extends Clock {
  /** How long it was waited, without the time-outs. */
  readonly waits: number[];
  advance(ms: number): void;
  /** Waits until somebody waits so long, and lets the time be over. */
  elapse(atLeast: number, atMost?: number): Promise<void>;
}

/** A clock that goes on when it is told to. */
export function createClock(): TestClock {
  let offset = 0;
  let timers: { ms: number; run: () => void }[] = [];
  const clock: TestClock = {
    waits: [],
    now: () => Date.now() + offset,
    after(ms, run) {
      timers.push({ ms, run });
    },
    advance: (ms) => {
      offset += ms;
    },
    async elapse(atLeast, atMost = atLeast) {
      const inTime = ({ ms }: { ms: number }) => ms >= atLeast && ms <= atMost;
      await until(`somebody waits ${atLeast} to ${atMost} ms`, async () => timers.some(inTime));
      const due = timers.filter(inTime);
      timers = timers.filter((timer) => !due.includes(timer));
      offset += atMost;
      for (const { ms, run } of due) {
        clock.waits.push(ms);
        run();
      }
    },
  };
  return clock;
}
