import { type BuildOptions, type BuildResult, build, type Message } from 'esbuild';

/** What is wrong with the mini program, each with its place; nothing was written. */
export class BuildError extends Error {
  override readonly name = 'BuildError';

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** The line of a place in a text, from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/**
 * Bundles into memory, below a folder that places are told from.
 * @throws {BuildError} for warnings too
 */
export async function bundle(
  root: string,
  options: BuildOptions,
): Promise<BuildResult<{ write: false }>['outputFiles'][number]> {
  const where = ({ text, location }: Message) =>
    location ? `${location.file}:${location.line}:${location.column + 1} ${text}` : text;
  const fixed = { absWorkingDir: root, bundle: true, write: false, logLevel: 'silent' } as const;
  const { outputFiles, warnings } = await build({ ...options, ...fixed }).catch(
    ({ errors }: { errors: Message[] }) => {
      throw new BuildError(errors.map(where));
    },
  );
  const [output] = outputFiles;
  if (!output || warnings.length > 0) throw new BuildError(warnings.map(where));
  return output;
}
