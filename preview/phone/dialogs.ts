import { urlOf } from './files.ts';
import { element } from './frame.ts';

/** A button of a question, and what it answers. */
export interface Choice<T> {
  readonly text: string;
  readonly value: T;
  /** Stands out: WeChat's way on. */
  readonly isPrimary?: boolean;
  /** Of the text; a colour of CSS. */
  readonly color?: string | undefined;
}

interface Question<T> {
  readonly title: string;
  readonly content?: string;
  /** Stands between the text and the buttons. */
  readonly picture?: HTMLElement | undefined;
  readonly choices: readonly Choice<T>[];
  /** What Escape means. */
  readonly otherwise: T;
  /** A sheet comes from below, as WeChat's own questions do; a modal is the mini program's. */
  readonly form: 'modal' | 'sheet';
}

/** Asks the user, who may take his time. */
export function ask<T>({ title, content, picture, choices, otherwise, form }: Question<T>): Promise<T> {
  const dialog = element('dialog', `wx-dialog wx-${form}`);
  const heading = element('h2', 'wx-dialog-title', title);
  const buttons = element('div', 'wx-dialog-buttons');
  heading.id = 'wx-dialog-title';
  dialog.setAttribute('aria-labelledby', heading.id);
  dialog.append(heading);
  if (picture) dialog.append(picture);
  if (content) {
    const text = dialog.appendChild(element('p', 'wx-dialog-content', content));
    text.id = 'wx-dialog-content';
    dialog.setAttribute('aria-describedby', text.id);
  }
  dialog.append(buttons);
  document.body.append(dialog);
  const opener = document.activeElement;
  return new Promise((resolve) => {
    const answer = (value: T) => {
      dialog.remove();
      if (opener instanceof HTMLElement) giveBackFocus(opener);
      resolve(value);
    };
    for (const { text, value, isPrimary, color = '' } of choices) {
      const button = element('button', isPrimary ? 'wx-choice primary' : 'wx-choice', text);
      button.type = 'button';
      button.style.color = color;
      button.addEventListener('click', () => answer(value));
      buttons.append(button);
    }
    dialog.addEventListener('cancel', () => answer(otherwise));
    dialog.showModal();
    // It stands at the phone's lower end, which may be out of sight.
    frameElement?.scrollIntoView({ block: 'nearest' });
  });
}

/** At once, or, of a button that is disabled while its work is done, when that is over and nothing else has the focus. */
function giveBackFocus(opener: HTMLElement): void {
  opener.focus();
  if (document.activeElement === opener) return;
  const waiting = new MutationObserver(() => {
    if (opener.hasAttribute('disabled')) return;
    waiting.disconnect();
    if (document.activeElement === document.body) opener.focus();
  });
  waiting.observe(opener, { attributeFilter: ['disabled'] });
}

/** A picture as it stands in a question. */
export function portrait(avatarUrl: string): HTMLImageElement {
  const picture = element('img', 'wx-portrait');
  picture.src = urlOf(avatarUrl);
  picture.alt = '';
  return picture;
}

let toast: HTMLElement | undefined;

/** WeChat cuts what stands under an icon. */
const LONGEST_UNDER_ICON = 7;

/** A short word over everything, under an icon but for `none`; the next one takes its place. */
export function showToast(title: string, icon: string, ms: number): void {
  hideToast();
  const hasIcon = icon !== 'none';
  const shown = element('div', 'wx-toast', hasIcon ? title.slice(0, LONGEST_UNDER_ICON) : title);
  if (hasIcon) shown.dataset['icon'] = icon;
  document.querySelector('.wx-toasts')?.append(shown);
  toast = shown;
  setTimeout(() => {
    if (toast === shown) hideToast();
  }, ms);
}

/** Takes it away. */
export function hideToast(): void {
  toast?.remove();
  toast = undefined;
}
