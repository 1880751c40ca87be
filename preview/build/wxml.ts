import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TmplGroup } from 'glass-easel-template-compiler';
import { COMPONENTS, type Handler } from '../program.ts';
import { BuildError } from './problems.ts';

/** The WXML of a mini program, compiled. */
export interface Templates {
  /** An expression in JavaScript: an object that has a page's template by its path. */
  readonly code: string;
  /** By page. */
  readonly handlers: ReadonlyMap<string, readonly Handler[]>;
}

/** What WeChat's compiler says of a place. */
interface Finding {
  readonly level: string;
  readonly message: string;
  readonly startLine: number;
  readonly startColumn: number;
}

const STRUCTURE = ['block', 'template', 'import', 'include', 'wxs', 'slot'];

/**
 * Compiles the WXML of the pages, and what it imports, with WeChat's own compiler.
 * @throws {BuildError} for every warning of the compiler, and every tag that the preview does not have
 */
export async function compileWxml(root: string, pages: readonly string[]): Promise<Templates> {
  const group = new TmplGroup();
  const sources = new Map<string, string>();
  const problems: string[] = [];

  async function add(path: string, importer?: string): Promise<void> {
    if (sources.has(path)) return;
    const source = await readFile(join(root, `${path}.wxml`), 'utf8').catch(() => '');
    sources.set(path, source);
    if (importer && !source)
      problems.push(`${importer}.wxml imports ${path}.wxml, which is empty or not there`);
    const findings = group.addTmpl(path, source) as Finding[];
    // A tag that is never closed is a mere warning to the compiler.
    for (const { level, message, startLine, startColumn } of findings)
      if (level !== 'Note') problems.push(`${path}.wxml:${startLine + 1}:${startColumn + 1} ${message}`);
    problems.push(...unknownTags(path, source));
    for (const script of group.getScriptDependencies(path) as string[])
      await readFile(join(root, `${script}.wxs`), 'utf8').then(
        (text) => group.addScript(script, text),
        () => problems.push(`${path}.wxml wants ${script}.wxs, which is not there`),
      );
    for (const other of group.getDirectDependencies(path) as string[]) await add(other, path);
  }

  try {
    for (const page of pages) await add(page);
    if (problems.length > 0) throw new BuildError(problems);
    const handlers = new Map(pages.map((page) => [page, handlersOf(reachable(page))]));
    return { code: group.getTmplGenObjectGroups(), handlers };
  } finally {
    group.free();
  }

  /** A page's template calls the page's script, and so do the templates that it imports. */
  function reachable(path: string, found = new Map<string, string>()): ReadonlyMap<string, string> {
    if (found.has(path)) return found;
    found.set(path, sources.get(path) ?? '');
    for (const other of group.getDirectDependencies(path) as string[]) reachable(other, found);
    return found;
  }
}

function unknownTags(path: string, source: string): string[] {
  const known = [...COMPONENTS, ...STRUCTURE];
  return [...markupOf(source).matchAll(/<([A-Za-z][\w-]*)/g)]
    .filter(([, tag = '']) => !known.includes(tag))
    .map(({ 1: tag, index }) => `${path}.wxml:${lineAt(source, index)} the preview has no <${tag}>`);
}

function handlersOf(sources: ReadonlyMap<string, string>): Handler[] {
  const binding = /\s(?:capture-)?(?:mut-)?(?:bind|catch):?[\w-]+=(?<quote>["'])(?<name>[^"']+)\k<quote>/g;
  return [...sources]
    .flatMap(([path, source]) =>
      [...markupOf(source).matchAll(binding)].map(({ groups, index }) => ({
        name: groups?.['name']?.trim() ?? '',
        place: `${path}.wxml:${lineAt(source, index + 1)}`,
      })),
    )
    .filter(({ name }) => name !== '');
}

/** The line of a place in a text, from 1. */
function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** The tags and attributes alone: comments, the scripts of `<wxs>` and what stands in braces are blanked out, so that places stay. */
function markupOf(source: string): string {
  const blank = (text: string) => text.replace(/\S/g, ' ');
  return source
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/(?<=<wxs[^>]*>)[\s\S]*?(?=<\/wxs>)/g, blank)
    .replace(/\{\{[\s\S]*?\}\}/g, blank);
}
