import { isLost } from './failures.ts';

/** A session variable that our statements depend on. */
interface Variable {
  readonly name: string;
  /** As SQL. */
  readonly value: string;
  /** What the server calls a value that will do. */
  readonly good: (value: string) => boolean;
  /** Without it a statement is only slower or fails with a message; without the others, data is lost or wrong. */
  readonly optional?: true;
}

const matches = (pattern: RegExp) => (value: string) => pattern.test(value);
const UTF8MB4 = { value: "'utf8mb4'", good: matches(/^utf8mb4$/) };
const ON = { value: '1', good: matches(/^(?:ON|1)$/i) };
const OFF = { value: '0', good: matches(/^(?:OFF|0)$/i) };

/** Modes that read our statements in another way, or compare and store in another way. */
const FOREIGN_MODES = new Set([
  ...['ANSI', 'ANSI_QUOTES', 'PIPES_AS_CONCAT', 'NO_BACKSLASH_ESCAPES', 'HIGH_NOT_PRECEDENCE'],
  ...['ORACLE', 'MSSQL', 'DB2', 'MAXDB', 'POSTGRESQL', 'SIMULTANEOUS_ASSIGNMENT'],
  ...['EMPTY_STRING_IS_NULL', 'PAD_CHAR_TO_FULL_LENGTH', 'NO_AUTO_VALUE_ON_ZERO'],
]);

/** Strict, so that what does not fit into a column is refused and not cut. */
function isGoodMode(value: string): boolean {
  const modes = value.toUpperCase().split(',');
  const strict = modes.includes('STRICT_TRANS_TABLES') || modes.includes('STRICT_ALL_TABLES');
  return strict && !modes.some((mode) => FOREIGN_MODES.has(mode));
}

/**
 * Everything a session takes from the server's defaults, or from its init_connect, that our statements depend on. In
 * this order: a charset brings its default collation with it. A server is told only those that it knows: tx_* are the
 * older names of transaction_*, and MariaDB's time limit is not MySQL's.
 */
const VARIABLES: readonly Variable[] = [
  { name: 'autocommit', ...ON }, // without it what a login stored is undone when its connection ends
  { name: 'completion_type', value: '0', good: matches(/^(?:NO_CHAIN|0)$/i) }, // CHAIN begins a transaction that nobody ends
  { name: 'character_set_client', ...UTF8MB4 }, // MySQL's own "utf8" has three bytes, emoji have four
  { name: 'character_set_connection', ...UTF8MB4 },
  { name: 'character_set_results', ...UTF8MB4 },
  { name: 'collation_connection', value: "'utf8mb4_unicode_ci'", good: matches(/^utf8mb4_/) },
  { name: 'time_zone', value: "'+00:00'", good: matches(/^(?:\+00:00|UTC|Etc\/UTC|GMT)$/i) },
  {
    name: 'sql_mode',
    value: "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
    good: isGoodMode,
  },
  { name: 'sql_safe_updates', ...OFF },
  { name: 'sql_select_limit', value: '9223372036854775807', good: matches(/^\d{10,}$/) },
  { name: 'transaction_read_only', ...OFF },
  { name: 'tx_read_only', ...OFF },
  { name: 'unique_checks', ...ON },
  // Of the tables that we make: MyISAM knows no transactions.
  {
    name: 'default_storage_engine',
    value: "'InnoDB'",
    good: matches(/^(?!MyISAM|Aria|MRG|MEMORY|CSV|ARCHIVE|BLACKHOLE)/i),
  },
  {
    name: 'transaction_isolation',
    value: "'REPEATABLE-READ'",
    good: matches(/^REPEATABLE-READ$/i),
    optional: true,
  },
  { name: 'tx_isolation', value: "'REPEATABLE-READ'", good: matches(/^REPEATABLE-READ$/i), optional: true },
  { name: 'foreign_key_checks', ...ON, optional: true },
  { name: 'sql_auto_is_null', ...OFF, optional: true },
  { name: 'sql_big_selects', ...ON, optional: true },
  // A statement has our own limit, a migration has none.
  { name: 'max_statement_time', value: '0', good: matches(/^0(?:\.0+)?$/), optional: true },
  { name: 'max_execution_time', value: '0', good: matches(/^0$/), optional: true },
  { name: 'alter_algorithm', value: "'DEFAULT'", good: matches(/^DEFAULT$/i), optional: true },
  { name: 'wait_timeout', value: '28800', good: matches(/^\d{5,}$/), optional: true }, // an idle connection stays
  { name: 'wsrep_sync_wait', value: '1', good: matches(/^[1-9]\d*$/), optional: true }, // reads wait for other nodes' writes
];

/** A row that somebody else holds is a conflict, told by the server before our own time-out. Not for migrations. */
const IMPATIENCE: Variable = {
  name: 'innodb_lock_wait_timeout',
  value: '1',
  good: matches(/^1$/),
  optional: true,
};

/** A default of the server that a session of ours does without. */
export interface Difference {
  readonly name: string;
  readonly found: string;
  readonly set: string;
}

/** Runs a statement on the connection; answers its rows. */
export type Run = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * Makes the session of a new connection what our statements need, and reads it back. What the server does not know is
 * done without: it does not have what that guards against.
 * @returns what the server's defaults had otherwise
 * @throws {Error} `POOL_SESSION`, naming each variable that has a wrong value and cannot be set
 */
export async function prepareSession(run: Run, patient: boolean): Promise<Difference[]> {
  const wanted = patient ? VARIABLES : [...VARIABLES, IMPATIENCE];
  const before = await read(run, wanted);
  const known = before ? wanted.filter(({ name }) => before.has(name)) : wanted;
  const refusals = await set(run, known);
  const after = (await read(run, known)) ?? new Map<string, string>();

  const wrong = known.filter(({ name, good, optional }) => !optional && !isGood(good, after.get(name)));
  if (wrong.length > 0) throw sessionError(wrong, after, refusals);
  return known.flatMap(({ name, good, value }) =>
    isGood(good, before?.get(name)) ? [] : [{ name, found: before?.get(name) ?? '', set: bare(value) }],
  );
}

/** A variable that cannot be read is taken as set. */
function isGood(good: Variable['good'], found: string | undefined): boolean {
  return found === undefined || good(found);
}

/** The values by name, of those that the server knows; undefined if it does not answer such a question. */
async function read(
  run: Run,
  variables: readonly Variable[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const names = variables.map(({ name }) => `'${name}'`).join(', ');
  const rows = await unlessRefused(() => run(`SHOW SESSION VARIABLES WHERE Variable_name IN (${names})`));
  if (rows instanceof Error || rows.length === 0) return undefined;
  return new Map(
    rows.map((row) => {
      const [name, value] = Object.values(row); // their names differ
      return [String(name).toLowerCase(), String(value ?? '')];
    }),
  );
}

/** In one statement; one by one where that is refused. Answers why a variable was refused, by its name. */
async function set(run: Run, variables: readonly Variable[]): Promise<ReadonlyMap<string, string>> {
  const refusals = new Map<string, string>();
  const assignments = variables.map(({ name, value }) => `${name} = ${value}`);
  if (!((await unlessRefused(() => run(`SET ${assignments.join(', ')}`))) instanceof Error)) return refusals;
  for (const { name, value } of variables) {
    const refused = await unlessRefused(() => run(`SET ${name} = ${value}`));
    if (refused instanceof Error) refusals.set(name, refused.message);
  }
  return refusals;
}

/** What the server says against a statement is an answer. */
async function unlessRefused<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work();
  } catch (error) {
    if (isLost(error) || !(error instanceof Error)) throw error;
    return error;
  }
}

function sessionError(
  wrong: readonly Variable[],
  found: ReadonlyMap<string, string>,
  refusals: ReadonlyMap<string, string>,
): Error {
  const each = wrong.map(({ name, value }) => {
    const why = refusals.get(name);
    return `${name} is ${found.get(name) || 'empty'} and must be ${bare(value)}${why ? ` (${why})` : ''}`;
  });
  const message = `the server does not let a session be set as it must be: ${each.join('; ')}`;
  return Object.assign(new Error(message), { code: 'POOL_SESSION' });
}

function bare(value: string): string {
  return value.replaceAll("'", '');
}
