import type { Callback } from './push.ts';
import { Refusal } from './refusals.ts';

/** A mini program of the sandbox, with what its console in WeChat would hold. */
export interface App {
  readonly appid: string;
  /** It protects nothing: the sandbox lets anyone be anyone. */
  readonly secret: string;
  /** Whether the AppSecret is frozen (40243). */
  readonly secretFrozen?: boolean;
  /** The addresses that may fetch access_tokens (40164); none: all may. */
  readonly ipWhitelist?: readonly string[];
  /** Where events are pushed to. */
  readonly callback?: Callback | undefined;
}

export interface Apps {
  /** The one that is meant where none is named. */
  readonly first: App;
  find(appid: string): App | undefined;
  /** @throws {Refusal} 40013, 40125, 40243 */
  authenticate(appid: string, secret: string): App;
  /** Changes an app, or adds it. */
  set(app: App): void;
  list(): App[];
}

export function createApps([first, ...others]: readonly [App, ...App[]]): Apps {
  const apps = new Map([first, ...others].map((app) => [app.appid, app]));
  return {
    get first() {
      return apps.get(first.appid) ?? first;
    },
    find: (appid) => apps.get(appid),
    authenticate(appid, secret) {
      const app = apps.get(appid);
      if (!app) throw new Refusal(40013);
      if (secret !== app.secret) throw new Refusal(40125);
      // Our choice: a frozen secret is of no use to any endpoint; access_tokens that it fetched live on.
      if (app.secretFrozen) throw new Refusal(40243);
      return app;
    },
    set: (app) => void apps.set(app.appid, app),
    list: () => [...apps.values()],
  };
}
