import type { Root } from 'glass-easel-miniprogram-adapter';
import type { Frame } from './frame.ts';
import type { Framework } from './framework.ts';

/** A page's own object: what its script gave to Page(). */
export type PageObject = Record<string, unknown>;

/** The pages that are open, one over the other. */
export interface Pages {
  /** @throws for a page that app.json does not name */
  open(url: string): void;
  replace(url: string): void;
  restart(url: string): void;
  back(delta: number): void;
  stack(): PageObject[];
}

interface Open {
  readonly root: Root;
  readonly page: PageObject;
  readonly title: string;
  readonly host: HTMLElement;
}

/** @param titles of every page, by path */
export function createPages(
  framework: Framework,
  { screen, head }: Frame,
  titles: ReadonlyMap<string, string>,
): Pages {
  const stack: Open[] = [];
  const run = ({ page }: Open, lifetime: string, ...args: unknown[]) => {
    const found = page[lifetime];
    if (typeof found === 'function') found.apply(page, args);
  };

  function show(top: Open | undefined): void {
    if (!top) return;
    top.host.hidden = false;
    head(top.title, stack.length > 1);
    run(top, 'onShow');
  }

  function close(): void {
    const top = stack.pop();
    if (!top) return;
    run(top, 'onUnload');
    top.root.release();
    top.host.remove();
  }

  const pages: Pages = {
    open(url) {
      const { path, query } = parse(url);
      const title = titles.get(path);
      if (title === undefined) throw new Error(`there is no page ${path}`);
      const below = stack.at(-1);
      if (below) {
        run(below, 'onHide');
        below.host.hidden = true;
      }
      const root = framework.create(path);
      const component = root.getComponent();
      const page = component.getMethodCaller() as unknown as PageObject;
      const host = component.$$ as unknown as HTMLElement;
      host.dataset['page'] = path;
      Object.assign(page, { route: path, options: query });
      const top = { root, page, title, host };
      stack.push(top);
      const place = screen.appendChild(document.createElement('span'));
      // In WeChat's order: attached, onLoad, onShow, onReady.
      root.attach(screen as never, place as never);
      run(top, 'onLoad', query);
      show(top);
      run(top, 'onReady');
    },
    replace(url) {
      close();
      pages.open(url);
    },
    restart(url) {
      while (stack.length > 0) close();
      pages.open(url);
    },
    back(delta) {
      for (let i = 0; i < delta && stack.length > 1; i++) close();
      show(stack.at(-1));
    },
    stack: () => stack.map(({ page }) => page),
  };
  return pages;
}

function parse(url: string): { path: string; query: Record<string, string> } {
  const [path = '', query] = url.replace(/^\//, '').split('?');
  return { path, query: Object.fromEntries(new URLSearchParams(query)) };
}
