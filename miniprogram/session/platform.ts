/** What is used of `wx`, in its own words; Taro and uni have the same. */
export interface Platform {
  login(options: Callbacks<{ code: string }>): unknown;
  getUserProfile?(options: { desc: string } & Callbacks<Profile>): unknown;
  request(options: Sent & { method: Method; data?: string | object } & Callbacks<Response>): unknown;
  uploadFile(
    options: Sent & { filePath: string; name: string; formData?: object } & Callbacks<Response>,
  ): unknown;
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, data: unknown): void;
  removeStorageSync(key: string): void;
}

export type Callbacks<T> = { success(result: T): void; fail(error: unknown): void };
type Sent = { url: string; header: Record<string, string>; timeout: number };

/** wx.request has no PATCH. */
export type Method = 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'DELETE';

/** Any HTTP status, on some platforms as a text; of wx.uploadFile `data` is a text, and there is no `header`. */
export type Response = { statusCode: number | string; data: unknown; header?: object | null };

export type Profile = { encryptedData: string; iv: string; rawData: string; signature: string };

/** Time, so that a test can have its own. */
export type Clock = { now(): number; after(ms: number, run: () => void): unknown };

// Every mini program has it, without the types of a browser.
declare function setTimeout(run: () => void, ms: number): unknown;

export const realClock: Clock = { now: () => Date.now(), after: (ms, run) => setTimeout(run, ms) };
