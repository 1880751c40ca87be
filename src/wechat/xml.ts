/** What an element holds: its text, its children by name, or, where several bear one name, all of them. */
export type XmlValue = string | XmlElement | readonly XmlValue[];
export interface XmlElement {
  readonly [name: string]: XmlValue;
}

interface Node {
  readonly name: string;
  readonly children: Map<string, XmlValue[]>;
  text: string;
}

const MAX_DEPTH = 8;
/** Of starts, ends and texts. A message of WeChat's has about a hundred. */
const MAX_TOKENS = 2000;
const DECLARATION = /^<\?xml [^<>?]{0,200}\?>/;
/** A start, an end, CDATA or text. A blank before a name is a slip of WeChat's. No attribute, comment or DOCTYPE, and so no entity that anybody could define. */
const TOKEN =
  /<\s?([A-Za-z_][\w.-]{0,63})\s?(\/?)>|<\/\s?([A-Za-z_][\w.-]{0,63})\s?>|<!\[CDATA\[([\s\S]*?)\]\]>|([^<]+)/gy;
const UNKNOWN_ENTITY = /&(?!(?:lt|gt|amp|quot|apos);)/;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Reads the XML that WeChat sends: `<xml>` around elements, CDATA and text, and nothing else that XML knows. Answers what
 * the root holds; `undefined` for anything that is not this.
 */
export function parseXml(source: string): XmlElement | undefined {
  const text = source.trim().replace(DECLARATION, '').trimStart();
  const top: Node = { name: '', children: new Map(), text: '' };
  const path = [top];
  let end = 0;
  let tokens = 0;
  for (const [token, start, empty, closing, cdata, plain] of text.matchAll(TOKEN)) {
    end += token.length;
    tokens += 1;
    if (start !== undefined) path.push({ name: start, children: new Map(), text: '' });
    const node = path.at(-1) ?? top;
    if (tokens > MAX_TOKENS || path.length > MAX_DEPTH) return undefined;
    if ((closing ?? node.name) !== node.name) return undefined;
    if (plain !== undefined && UNKNOWN_ENTITY.test(plain)) return undefined;
    node.text += cdata ?? plain?.replace(/&(\w+);/g, (_, name) => ENTITIES[name] ?? '') ?? '';
    if (empty || closing !== undefined) endNode(path);
  }
  const root = top.children.get('xml') ?? [];
  const whole = end === text.length && path.length === 1 && isBlank(top) && top.children.size === 1;
  return whole && root.length === 1 && typeof root[0] === 'object' ? (root[0] as XmlElement) : undefined;
}

function endNode(path: Node[]): void {
  const node = path.pop();
  const parent = path.at(-1);
  if (!node || !parent) return;
  const siblings = parent.children.get(node.name);
  if (siblings) siblings.push(contentOf(node));
  else parent.children.set(node.name, [contentOf(node)]);
}

/** Beside children, text is only what separates them. No value of WeChat's begins or ends with a blank. */
function contentOf({ children, text }: Node): XmlValue {
  if (children.size === 0) return text.trim();
  const entries = [...children].map(([name, values]) => [name, values.length === 1 ? values[0] : values]);
  return Object.fromEntries(entries) as XmlElement;
}

function isBlank({ text }: Node): boolean {
  return text.trim() === '';
}
