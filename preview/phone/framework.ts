import * as glassEasel from 'glass-easel';
import { MiniProgramEnv, type Root } from 'glass-easel-miniprogram-adapter';
import type { ProgramPage } from '../program.ts';
import { defineComponents } from './components.ts';
import { whileTapped } from './tap.ts';

/** WeChat's own framework for pages, as far as the phone needs it. */
export interface Framework {
  /** Runs a page's script. @throws where it lacks what its WXML calls */
  define(page: ProgramPage): void;
  create(path: string): Root;
}

/** Makes it, on this document. */
export function createFramework(): Framework {
  const backend = new glassEasel.CurrentWindowBackendContext();
  // It makes taps of mouse and touch. A click is all of them, and the keyboard's too, and a disabled button has none.
  backend.onEvent((target, type, detail, options) => {
    if (type !== 'tap') glassEasel.triggerEvent(target, type, detail, options);
  });
  addEventListener('click', (event) => {
    const target = elementOf(event.target);
    const detail = { x: event.clientX, y: event.clientY };
    if (target)
      whileTapped(() => glassEasel.triggerEvent(target, 'tap', detail, { bubbles: true, composed: true }));
  });
  showPresses();
  // The framework would only print what a page's script throws.
  glassEasel.addGlobalErrorListener((error) => {
    reportError(error);
    return false;
  });
  glassEasel.addGlobalWarningListener((message) => {
    reportError(new Error(message));
    return false;
  });

  const env = new MiniProgramEnv();
  const associated = env.associateBackend(backend);
  const space = env.createCodeSpace('', true);
  defineComponents(space.getComponentSpace());

  return {
    define({ path, config, template, handlers, load }) {
      space.addComponentStaticConfig(path, { ...config, usingComponents: {} });
      space.addCompiledTemplate(path, template);
      space.globalComponentEnv(globalThis, path, () => {
        const scope = globalThis as unknown as { Page: (definition: Record<string, unknown>) => void };
        const { Page } = scope;
        scope.Page = (definition) => {
          check(path, definition, handlers);
          Page(definition);
        };
        load();
      });
    },
    create: (path) => associated.createRoot('page', space, path),
  };
}

/** What WeChat calls of a page and the preview does not. */
const LACKING = [
  ...['onPullDownRefresh', 'onReachBottom', 'onPageScroll', 'onResize', 'onTabItemTap'],
  ...['onShareAppMessage', 'onShareTimeline', 'onAddToFavorites', 'onSaveExitState'],
];

/** A mini program that lacks something, or wants what the preview lacks, would fail silently. */
function check(path: string, page: Record<string, unknown>, handlers: ProgramPage['handlers']): void {
  for (const { name, place } of handlers)
    if (typeof page[name] !== 'function') throw new Error(`${place}: the page has no ${name}()`);
  for (const name of LACKING) if (name in page) throw new Error(`${path}.ts: the preview has no ${name}()`);
}

/** While something is pressed it has its `hover-class`, in WeChat's word. */
function showPresses(): void {
  let pressed: HTMLElement | undefined;
  const classesOf = ({ dataset }: HTMLElement) => (dataset['hover'] ?? '').split(/\s+/).filter(Boolean);
  const release = () => pressed?.classList.remove(...classesOf(pressed));
  addEventListener('pointerdown', ({ target }) => {
    release();
    pressed = (target as Element).closest<HTMLElement>('[data-hover]:not([disabled])') ?? undefined;
    pressed?.classList.add(...classesOf(pressed));
  });
  for (const end of ['pointerup', 'pointercancel']) addEventListener(end, release);
}

/** The framework's element of a place in the document. */
function elementOf(place: EventTarget | null): glassEasel.Element | undefined {
  for (let node = place as Node | null; node; node = node.parentNode) {
    const { __wxElement: found } = node as { __wxElement?: glassEasel.Element };
    if (found) return found;
  }
  return undefined;
}
