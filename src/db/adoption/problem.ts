import { StartError } from '../../start-error.ts';

/** Something about a table that keeps us from working on it. */
export interface Problem {
  /** What it is about: `mobile varchar(20) NOT NULL`. */
  readonly what: string;
  /** What would happen. */
  readonly says: string;
  /** Statements that help, in their order; none where only its owner can know. */
  readonly helps: readonly string[];
}

/** What an examination finds. */
export interface Findings {
  readonly problems: readonly Problem[];
  /** What its owner should know, though nothing is in the way. */
  readonly notes: readonly string[];
}

/** Tables that are there and cannot be taken over: every problem, and what helps. */
export class TablesError extends StartError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const each = problems.map(
      ({ what, says, helps }) => `- ${what}: ${says}${helps.map((help) => `\n    ${help};`).join('')}`,
    );
    super(
      [
        'The tables that are there cannot be taken over as they are, and nothing was changed. What is in the way, and what helps:',
        ...each,
        'Back up the database, change what is named, and start again; `weapp-login migrate --dry-run` only looks. ' +
          "If a statement is refused for a date of zeros: SET SESSION sql_mode = '' before it.",
      ].join('\n'),
    );
    this.problems = problems;
  }
}
