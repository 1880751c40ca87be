/** What stands over a page. */
export interface Head {
  readonly title: string;
  /** Of the bar: `#ededed`. */
  readonly color: string;
}

/** What the phone draws around the pages. */
export interface Frame {
  /** Where pages are put. */
  readonly screen: HTMLElement;
  /** Shows a page's head, and whether there is a page to go back to. */
  head(head: Head, canGoBack: boolean): void;
  /** Puts the focus on the title, where a page begins. */
  focusHead(): void;
}

/** @param back goes back a page */
export function createFrame(back: () => void): Frame {
  const bar = element('header', 'wx-bar');
  const button = element('button', 'wx-back');
  const title = element('h1', 'wx-title');
  const screen = element('main', 'wx-screen');
  button.type = 'button';
  button.setAttribute('aria-label', '返回');
  button.addEventListener('click', back);
  bar.append(button, title);
  // A live region has to be there before it says something.
  const toasts = element('div', 'wx-toasts');
  toasts.setAttribute('role', 'status');
  title.tabIndex = -1;
  document.body.append(bar, screen, toasts);
  return {
    screen,
    head({ title: text, color }, canGoBack) {
      title.textContent = text;
      document.title = text;
      bar.style.backgroundColor = color;
      button.hidden = !canGoBack;
    },
    focusHead: () => title.focus(),
  };
}

/** An element with a class, and a text. */
export function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, className: string, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
