import type { Root } from 'glass-easel-miniprogram-adapter';
import type { Frame, Head } from './frame.ts';
import type { Framework } from './framework.ts';

/** A page's own object: what its script gave to Page(). */
export type PageObject = Record<string, unknown>;

/** The pages that are open, one over the other. What cannot be done changes nothing. */
export interface Pages {
  /** Over the others. @throws for a page that app.json does not name */
  open(url: string): void;
  /** In the place of the uppermost. @throws likewise */
  replace(url: string): void;
  /** In the place of all. @throws likewise */
  restart(url: string): void;
  /** Leaves so many pages. @throws where there is none to go back to */
  back(delta: number): void;
  stack(): PageObject[];
}

interface Open {
  readonly root: Root;
  readonly page: PageObject;
  readonly head: Head;
  readonly host: HTMLElement;
  /** What had the focus when another page covered it. */
  focused?: Element | null;
}

/** @param heads of every page, by path */
export function createPages(
  framework: Framework,
  { screen, head, focusHead }: Frame,
  heads: ReadonlyMap<string, Head>,
): Pages {
  const stack: Open[] = [];

  function find(url: string) {
    const { path, query } = parse(url);
    const found = heads.get(path);
    if (!found) throw new Error(`page "${path}" is not found`);
    return { path, query, head: found };
  }

  function start({ path, query, head: its }: ReturnType<typeof find>): void {
    const root = framework.create(path);
    const component = root.getComponent();
    const page = component.getMethodCaller() as unknown as PageObject;
    const host = component.$$ as unknown as HTMLElement;
    host.dataset['page'] = path;
    Object.assign(page, { route: path, options: query });
    const opened: Open = { root, page, head: its, host };
    stack.push(opened);
    const place = screen.appendChild(document.createElement('span'));
    // In WeChat's order: attached, onLoad, onShow, onReady.
    root.attach(screen as never, place as never);
    run(opened, 'onLoad', query);
    show(opened);
    run(opened, 'onReady');
  }

  function show(opened: Open): void {
    opened.host.hidden = false;
    head(opened.head, stack.length > 1);
    run(opened, 'onShow');
  }

  function close(count: number): void {
    for (const closed of stack.splice(stack.length - count).reverse()) {
      run(closed, 'onUnload');
      closed.root.release();
      closed.host.remove();
    }
  }

  return {
    open(url) {
      const found = find(url);
      const below = stack.at(-1);
      if (below) {
        below.focused = document.activeElement;
        below.host.hidden = true;
        run(below, 'onHide');
      }
      start(found);
      if (below) focusHead();
    },
    replace(url) {
      const found = find(url);
      close(1);
      start(found);
    },
    restart(url) {
      const found = find(url);
      close(stack.length);
      start(found);
    },
    back(delta) {
      if (stack.length < 2) throw new Error('cannot navigate back at first page.');
      close(Math.min(delta, stack.length - 1));
      const top = stack.at(-1);
      if (!top) return;
      show(top);
      if (top.focused instanceof HTMLElement) top.focused.focus();
    },
    stack: () => stack.map(({ page }) => page),
  };
}

function run({ page }: Open, lifetime: string, ...args: unknown[]): void {
  const found = page[lifetime];
  try {
    if (typeof found === 'function') found.apply(page, args);
  } catch (error) {
    // What a page does wrong is not the fault of who opens or leaves it.
    reportError(error);
  }
}

function parse(url: string): { path: string; query: Record<string, string> } {
  const [path = '', query] = url.replace(/^\//, '').split('?');
  return { path, query: Object.fromEntries(new URLSearchParams(query)) };
}
