/** The reader's language: that of the page. */
export function say(zh: string, en: string): string {
  return document.documentElement.lang === 'en' ? en : zh;
}

/** An element of the page, which must be there. */
export function byId(id: string): HTMLElement;
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind;
export function byId(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** A new element with a class; texts are texts, never HTML, since users may have any name. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  ...inside: (Node | string)[]
) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...inside);
  return made;
}

/** `09:05:07` */
export function timeOf(moment: number | string): string {
  return new Date(moment).toLocaleTimeString('en-GB');
}
