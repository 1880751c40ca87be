import { type BuildOptions, type BuildResult, build, type Message } from 'esbuild';
import { BuildError } from './problems.ts';

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
