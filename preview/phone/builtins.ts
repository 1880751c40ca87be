import * as glassEasel from 'glass-easel';
import type { COMPONENTS } from '../program.ts';
import { urlOf } from './files.ts';
import { OPEN_TYPES } from './open-types.ts';

/** A component's properties, by their names. */
export type Data = Readonly<Record<string, unknown>>;
type Kind = StringConstructor | BooleanConstructor | NumberConstructor;

/** A built-in component. */
export interface Builtin {
  readonly properties?: Readonly<Record<string, Kind | { readonly type: Kind; readonly value: unknown }>>;
  /** Brings the host element to what the properties say. */
  readonly show?: (host: HTMLElement, data: Data) => void;
  /** What a tap on it does, beside what the page does. */
  readonly tapped?: (component: glassEasel.GeneralComponent, data: Data) => void;
}

/** The mini program's own: a `<navigator>` is a call of it. */
declare const wx: Record<Navigation, (options: object) => unknown>;
type Navigation = 'navigateTo' | 'redirectTo' | 'reLaunch' | 'navigateBack';
const NAVIGATIONS: Readonly<Record<string, Navigation>> = {
  navigate: 'navigateTo',
  redirect: 'redirectTo',
  reLaunch: 'reLaunch',
  navigateBack: 'navigateBack',
};

/** A text property, or what was given instead as none. */
export const text = (value: unknown) => (typeof value === 'string' ? value : '');

/** What every component has. */
export const COMMON = { hidden: Boolean, hoverClass: String, ariaLabel: String, ariaRole: String };

/** The built-in components. A host element keeps the tag's name, so that `<button>` and `<input>` are the browser's own. */
export const BUILTINS: Readonly<Record<(typeof COMPONENTS)[number], Builtin>> = {
  view: {},
  text: {
    properties: { userSelect: Boolean, selectable: Boolean },
    show: (host, { userSelect, selectable }) =>
      host.classList.toggle('wx-selectable', !!(userSelect || selectable)),
  },
  image: {
    properties: { src: String, mode: String, lazyLoad: Boolean },
    show: (host, { src, mode, ariaLabel }) => {
      const picture = host.querySelector('img') ?? host.appendChild(new Image());
      const url = urlOf(text(src));
      if (picture.getAttribute('src') !== url) picture.src = url;
      picture.alt = text(ariaLabel);
      host.dataset['mode'] = text(mode) || 'scaleToFill';
    },
  },
  button: {
    properties: {
      type: String,
      size: String,
      disabled: Boolean,
      loading: Boolean,
      openType: String,
      formType: String,
    },
    show: (host, { type, size, disabled, loading, formType, hoverClass }) => {
      const button = host as HTMLButtonElement;
      button.type = formType === 'submit' ? 'submit' : 'button';
      button.disabled = !!disabled;
      button.ariaBusy = loading ? 'true' : null;
      button.setAttribute('size', text(size) || 'default');
      // `type` is taken: by the browser, for something else.
      button.dataset['type'] = text(type) || 'default';
      button.dataset['hover'] = text(hoverClass) || 'button-hover';
    },
    tapped: async (component, { openType }) => {
      if (!openType) return;
      const found = OPEN_TYPES[text(openType)];
      if (!found) throw new Error(`the preview has no <button open-type="${openType}">`);
      const detail = await found.run();
      if (detail) glassEasel.triggerEvent(component, found.event, detail);
    },
  },
  input: {
    properties: {
      type: String,
      value: String,
      name: String,
      placeholder: String,
      password: Boolean,
      disabled: Boolean,
      maxlength: { type: Number, value: 140 },
    },
    show: (host, { type, value, name, placeholder, password, disabled, maxlength }) => {
      const input = host as HTMLInputElement;
      input.type = password ? 'password' : 'text';
      input.inputMode = type === 'number' ? 'numeric' : type === 'digit' ? 'decimal' : 'text';
      input.autocomplete = 'off';
      if (input.value !== text(value)) input.value = text(value);
      Object.assign(input, { name: text(name), placeholder: text(placeholder), disabled: !!disabled });
      if (Number(maxlength) >= 0) input.maxLength = Number(maxlength);
    },
  },
  form: {},
  navigator: {
    properties: { url: String, openType: String, delta: Number },
    show: (host) => {
      host.tabIndex = 0;
      host.role = 'link';
    },
    tapped: (_component, { url, openType, delta }) => {
      const name = NAVIGATIONS[text(openType) || 'navigate'];
      if (!name) throw new Error(`the preview has no <navigator open-type="${openType}">`);
      wx[name](name === 'navigateBack' ? { delta: Number(delta) || 1 } : { url });
    },
  },
};
