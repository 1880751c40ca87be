import * as glassEasel from 'glass-easel';
import { offerNickname } from './nickname.ts';

/**
 * What the browser's fields say, as WeChat's events. The framework listens to the host elements too, and would give the page the
 * same events once more, without `detail.value`: so these are caught before.
 */
export function hearFields(): void {
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
  // A single field's Enter would send its form, too.
  hear('keydown', 'input', (component, host, event) => {
    const { key, isComposing } = event as KeyboardEvent;
    // That Enter chooses a character.
    if (key !== 'Enter' || isComposing) return;
    event.preventDefault();
    glassEasel.triggerEvent(component, 'confirm', { value: (host as HTMLInputElement).value });
  });
  hear('submit', 'form', (component, host, event) => {
    event.preventDefault();
    const value = Object.fromEntries(new FormData(host as HTMLFormElement));
    glassEasel.triggerEvent(component, 'submit', { value });
  });
}
