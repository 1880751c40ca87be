/** What is used of `wx`, in its own words; Taro and uni have the same. */
export interface Platform {
  login(options: Callbacks<{ code: string }>): unknown;
  request(options: RequestOptions & Callbacks<Response>): unknown;
  uploadFile(options: UploadOptions & Callbacks<Response>): unknown;
  getUserProfile?(options: { desc: string } & Callbacks<Profile>): unknown;
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, data: unknown): void;
  removeStorageSync(key: string): void;
}

export interface Callbacks<T> {
  success(result: T): void;
  fail(error: unknown): void;
}

/** wx.request has no PATCH. */
export type Method = 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'DELETE';

interface RequestOptions {
  url: string;
  method: Method;
  header: Record<string, string>;
  data?: Data;
  timeout: number;
}

interface UploadOptions {
  url: string;
  filePath: string;
  name: string;
  formData?: Record<string, unknown>;
  header: Record<string, string>;
  timeout: number;
}

export type Data = string | object;

/** Any HTTP status; of wx.uploadFile `data` is a text, and there is no `header`. */
export interface Response {
  statusCode: number;
  data: unknown;
  header?: object;
}

/** What wx.getUserProfile gives, as far as the server wants it. */
export interface Profile {
  encryptedData: string;
  iv: string;
  rawData: string;
  signature: string;
}

/** Time, so that a test can have its own. */
export interface Clock {
  now(): number;
  after(ms: number, run: () => void): unknown;
}

// Every mini program has it, without the types of a browser.
declare function setTimeout(run: () => void, ms: number): unknown;

export const realClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => setTimeout(run, ms),
};
