/** What is wrong with the mini program, each with its place; nothing was written. */
export class BuildError extends Error {
  override readonly name = 'BuildError';

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
  }
}
