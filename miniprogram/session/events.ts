import type { LoginReply } from './log-in.js';

export interface Events {
  /** Somebody is logged in, for the first time or anew. */
  login: LoginReply;
  /** The server ended the session, or its time is over; a new login follows by itself. */
  expired: undefined;
  logout: undefined;
}

/** Listeners are called after what happened is done: one that throws harms nobody else. */
export function createEvents() {
  const listeners: { [Name in keyof Events]: Set<(event: Events[Name]) => void> } = {
    login: new Set(),
    expired: new Set(),
    logout: new Set(),
  };
  return {
    /** Returns what ends the listening. */
    on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
      listeners[name].add(listener);
      return () => void listeners[name].delete(listener);
    },
    emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
      for (const listener of listeners[name]) void Promise.resolve(event).then(listener);
    },
  };
}
