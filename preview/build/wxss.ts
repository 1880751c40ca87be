import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import postcss, { type AtRule } from 'postcss';
import { bundle } from './bundle.ts';

/**
 * The style sheet of the app, or of a page, which styles that page alone, as CSS.
 * @throws {BuildError} for what is no CSS
 */
export async function compileWxss(root: string, path: string, page?: string): Promise<string> {
  const { text } = await bundle(root, { entryPoints: [join(root, `${path}.wxss`)], plugins: [WXSS] });
  return toCss(text, page);
}

/** WXSS is CSS with rpx, to esbuild a unit like others. */
const WXSS: Plugin = {
  name: 'wxss',
  setup({ onLoad }) {
    onLoad({ filter: /\.wxss$/ }, async ({ path }) => ({
      contents: await readFile(path, 'utf8'),
      loader: 'css',
    }));
  },
};

function toCss(wxss: string, page: string | undefined): string {
  const css = postcss.parse(wxss);
  css.walkDecls((declaration) => {
    declaration.value = declaration.value.replace(/(-?\d*\.?\d+)(rpx|vh)\b/g, 'calc($1 * var(--$2))');
  });
  if (page !== undefined)
    css.walkRules((rule) => {
      // The steps of an animation are no selectors.
      if (rule.parent?.type === 'atrule' && /keyframes$/.test((rule.parent as AtRule).name)) return;
      rule.selectors = rule.selectors.map((selector) => within(page, selector));
    });
  return css.toString();
}

/** Only inside the page, without weighing more: the order of app.wxss and page stays what decides. */
function within(page: string, selector: string): string {
  const place = `:where([data-page="${page}"])`;
  return /^page\b/.test(selector) ? selector.replace(/^page/, `page${place}`) : `${place} ${selector}`;
}
