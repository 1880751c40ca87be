import { element } from './frame.ts';
import { person } from './person.ts';

/** `<input type="nickname">`: while it has the focus, WeChat offers the user's own name. */
export function offerNickname(input: HTMLInputElement): void {
  if (input.nextElementSibling?.classList.contains('wx-nickname')) return;
  const offer = element('button', 'wx-nickname', '用微信昵称');
  offer.type = 'button';
  input.after(offer);
  // The focus would leave the field, and with it the offer.
  offer.addEventListener('pointerdown', (event) => event.preventDefault());
  offer.addEventListener('click', async () => {
    input.value = (await person()).nickName;
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    input.focus();
  });
  const leave = ({ relatedTarget }: FocusEvent) => {
    if (relatedTarget === offer || relatedTarget === input) return;
    offer.remove();
    input.removeEventListener('focusout', leave);
  };
  input.addEventListener('focusout', leave);
  offer.addEventListener('focusout', leave);
}
