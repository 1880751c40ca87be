import * as glassEasel from 'glass-easel';
import type { COMPONENTS } from '../program.ts';
import { urlOf } from './files.ts';
import { offerNickname } from './nickname.ts';
import { OPEN_TYPES } from './open-types.ts';

type Data = Readonly<Record<string, unknown>>;
type Kind = StringConstructor | BooleanConstructor | NumberConstructor;

interface Definition {
  readonly properties?: Readonly<Record<string, Kind | { readonly type: Kind; readonly value: unknown }>>;
  /** Brings the host element to what the properties say. */
  readonly show?: (host: HTMLElement, data: Data) => void;
  /** What a tap on it does, beside what the page does. */
  readonly tapped?: (component: glassEasel.GeneralComponent, data: Data) => void;
}

/** The mini program's own: a `<navigator>` is a call of it. */
declare const wx: Record<
  'navigateTo' | 'redirectTo' | 'reLaunch' | 'navigateBack',
  (options: object) => unknown
>;

const text = (value: unknown) => (typeof value === 'string' ? value : '');

/** What every component has. */
const COMMON = { hidden: Boolean, hoverClass: String, ariaLabel: String, ariaRole: String };

/** The built-in components. A host element keeps the tag's name, so that `<button>` and `<input>` are the browser's own. */
const DEFINITIONS: Readonly<Record<(typeof COMPONENTS)[number], Definition>> = {
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
      plain: Boolean,
      disabled: Boolean,
      loading: Boolean,
      openType: String,
      formType: String,
    },
    show: (host, { type, size, plain, disabled, loading, formType }) => {
      const button = host as HTMLButtonElement;
      button.type = formType === 'submit' ? 'submit' : formType === 'reset' ? 'reset' : 'button';
      button.disabled = !!disabled;
      button.ariaBusy = loading ? 'true' : null;
      Object.assign(button.dataset, {
        type: type || 'default',
        size: size || 'default',
        plain: String(!!plain),
      });
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
      focus: Boolean,
      confirmType: String,
      placeholderClass: String,
      placeholderStyle: String,
    },
    show: (host, { type, value, name, placeholder, password, disabled, maxlength, focus }) => {
      const input = host as HTMLInputElement;
      input.type = password ? 'password' : 'text';
      input.inputMode = type === 'number' ? 'numeric' : type === 'digit' ? 'decimal' : 'text';
      input.autocomplete = 'off';
      if (input.value !== text(value)) input.value = text(value);
      Object.assign(input, { name: text(name), placeholder: text(placeholder), disabled: !!disabled });
      if (Number(maxlength) >= 0) input.maxLength = Number(maxlength);
      if (focus) input.focus();
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
      if (openType === 'navigateBack') wx.navigateBack({ delta: Number(delta) || 1 });
      else if (openType === 'redirect') wx.redirectTo({ url });
      else if (openType === 'reLaunch') wx.reLaunch({ url });
      else wx.navigateTo({ url });
    },
  },
};

export function defineComponents(space: glassEasel.ComponentSpace): void {
  for (const [tag, { properties = {}, show, tapped }] of Object.entries(DEFINITIONS)) {
    const builder = space
      .define(`wx://${tag}`)
      .definition({ properties: { ...COMMON, ...properties } as glassEasel.typeUtils.PropertyList });
    const definition = (tag === 'input' ? builder.template(CHILDLESS) : builder)
      .init(({ self, lifetime, observer }) => {
        const component = self as unknown as glassEasel.GeneralComponent;
        const reflect = () => {
          const host = component.$$ as HTMLElement | null;
          // A page that was left may still hear of its data.
          if (!host) return;
          const { hidden, ariaLabel, ariaRole } = component.data as Data;
          host.hidden = !!hidden;
          if (ariaLabel && tag !== 'image') host.ariaLabel = text(ariaLabel);
          if (ariaRole) host.role = text(ariaRole);
          show?.(host, component.data as Data);
        };
        lifetime('attached', reflect);
        observer('**', reflect);
        if (tapped) component.addListener('tap', () => tapped(component, component.data as Data));
      })
      .registerComponent();
    space.setGlobalUsingComponent(tag, definition.general());
  }
  hearFields();
}

/** The template of a component without children; the others have a slot. */
const CHILDLESS = { content: () => () => ({ C: () => {}, B: {} }) };

/**
 * What the browser's fields say, as WeChat's events. The framework listens to the host elements too, and would give the page the
 * same events once more, without `detail.value`: so these are caught before.
 */
function hearFields(): void {
  const hear = (
    type: string,
    tag: string,
    tell: (component: glassEasel.GeneralComponent, host: HTMLElement, event: Event) => void,
  ) =>
    addEventListener(
      type,
      (event) => {
        const host = event.target as HTMLElement & { __wxElement?: glassEasel.GeneralComponent };
        if (host.localName !== tag || !host.__wxElement) return;
        event.stopImmediatePropagation();
        tell(host.__wxElement, host, event);
      },
      true,
    );
  for (const type of ['input', 'change', 'focus', 'blur'])
    hear(type, 'input', (component, host) => {
      const { value } = host as HTMLInputElement;
      if (type === 'input') component.setData({ value });
      if (type === 'focus' && component.data['type'] === 'nickname') offerNickname(host as HTMLInputElement);
      glassEasel.triggerEvent(component, type, { value });
    });
  // The browser's own links do it by themselves.
  hear('keydown', 'navigator', (_component, host, event) => {
    if ((event as KeyboardEvent).key === 'Enter') host.click();
  });
  hear('submit', 'form', (component, host, event) => {
    event.preventDefault();
    const value = Object.fromEntries(new FormData(host as HTMLFormElement));
    glassEasel.triggerEvent(component, 'submit', { value });
  });
}
