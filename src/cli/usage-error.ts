/** What a person did wrong on the command line, or cannot be done: a sentence for him, without a trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
