import type { z } from 'zod';
import { catalogue } from '../../src/errors.ts';
import { environment, settings } from '../../src/settings.ts';

type Language = 'en' | 'zh';

/** What stands in the documents but comes from the code: `UPDATE_DOCS=1 npx vitest run test/docs.test.ts` writes it. */
interface Setting {
  readonly name: string;
  readonly default: Readonly<Record<Language, string>>;
  readonly example: string;
  readonly en: string;
  readonly zh: string;
}

const all: Setting[] = Object.entries(environment.shape).map(([name, schema]) => {
  const about = settings.get(schema);
  if (!about) throw new Error(`${name} is not described: register it in settings`);
  const fixed = fixedDefault(schema);
  return {
    name,
    default: about.default ?? { en: `\`${fixed}\``, zh: `\`${fixed}\`` },
    example: about.example ?? fixed ?? '',
    en: about.en,
    zh: about.zh,
  };
});

function fixedDefault(schema: z.ZodType): string | undefined {
  const { def } = schema as unknown as { def: { defaultValue?: unknown } };
  return def.defaultValue === undefined ? undefined : String(def.defaultValue);
}

export function settingsTable(language: Language): string {
  const head = { en: '| Name | Default | Meaning |', zh: '| 名称 | 默认值 | 含义 |' }[language];
  const rows = all.map((s) => `| \`${s.name}\` | ${s.default[language]} | ${s[language]} |`);
  return [head, '|---|---|---|', ...rows].join('\n');
}

export function envExample(): string {
  const entries = all.map((s) => `# ${s.en}. Default: ${s.default.en}\n# ${s.name}=${s.example}\n`);
  return [
    '# Every setting, as the environment or a file named .env gives it. Nothing needs to be set for the sandbox.',
    '# Remove the "# " in front of a name to set it.\n',
    ...entries,
  ].join('\n');
}

export function errorsPage(): string {
  const rows = Object.entries(catalogue).map(
    ([code, e]) => `| \`${code}\` | ${e.status} | \`${e.retry}\` | ${e.when} | ${e.zh} | ${e.en} |`,
  );
  return `# Errors

Every failure is \`{status, code, messages, retry, requestId}\`, with the HTTP status in \`status\`.
Programs look at \`code\` and \`retry\`; people read \`messages\`, in Chinese, or in English where \`Accept-Language\` prefers it.
\`requestId\` is the \`id\` of the request's line in the log, which has the cause.

\`retry\` says what a client does next: \`login\`: call wx.login, log in, repeat the request once; \`later\`: wait
(\`Retry-After\` may say how long) and repeat; \`never\`: the same request fails again.

| code | HTTP | retry | when | 中文 | English |
|---|---|---|---|---|---|
${rows.join('\n')}

This page is generated from \`src/errors.ts\`; a test keeps it so.
`;
}
