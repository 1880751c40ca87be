import { who } from './phone.ts';

/** Each user has phones of his own. */
const PREFIX = `wx ${encodeURIComponent(who.user)} ${who.phone} `;

/** What mini programs store on this phone. */
export const storage = {
  get(key: string): unknown {
    const text = localStorage.getItem(PREFIX + key);
    try {
      return text === null ? '' : JSON.parse(text);
    } catch {
      return ''; // not written by us
    }
  },
  set(key: string, value: unknown): void {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  },
  remove(key: string): void {
    localStorage.removeItem(PREFIX + key);
  },
  keys(): string[] {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => key.slice(PREFIX.length));
  },
};
