import { type IdentifierNode, type KyselyPlugin, OperationNodeTransformer, sql } from 'kysely';
import { databaseFailure } from '../failures.ts';
import type { Table } from '../mysql-table.ts';
import type { Db } from '../schema.ts';
import { createUsers, type Login } from '../users.ts';
import type { Findings, Problem } from './problem.ts';
import { boundLocks } from './statements.ts';
import { inZone } from './times.ts';

/** A temporary table: it is gone with its connection, whatever happens. */
const TRIAL = 'weapp_login_trial';

/** One ALTER TABLE, and the time zone of its session where that is not UTC. */
export interface Alter {
  readonly clauses: readonly string[];
  readonly timezone?: string | undefined;
}

/**
 * Does to an empty copy of wxuser what is to be done to it, then what the tutorial's server and our logins do. It is a
 * temporary table of another name, so that nothing of this can reach wxuser itself.
 */
export function tryOut(db: Db, table: Table, alters: readonly Alter[]): Promise<Findings> {
  return db.connection().execute(async (own) => {
    await boundLocks(own);
    await dropTrial(own);
    const refused = await messageOf(() => sql.raw(`CREATE TEMPORARY TABLE ${copyOf(table)}`).execute(own));
    if (refused !== undefined)
      return {
        problems: [],
        notes: [`what is to be done was not tried on a temporary copy of wxuser: ${refused}`],
      };
    try {
      return { problems: await problemsOf(own, alters), notes: [] };
    } finally {
      await dropTrial(own);
    }
  });
}

/** A temporary table of InnoDB cannot have such keys, and LIKE copies them. */
function copyOf({ keys, definition }: Table): string {
  if (![...keys.values()].some(({ type }) => /^(?:FULLTEXT|SPATIAL)$/i.test(type)))
    return `${TRIAL} LIKE wxuser`;
  const lines = definition.split('\n');
  const end = lines.findIndex((line) => line.startsWith(')'));
  const kept = lines
    .slice(1, end)
    .filter((line) => !/^ {2}(?:FULLTEXT KEY|SPATIAL KEY|CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY) /.test(line))
    .map((line) => line.replace(/,$/, ''));
  return `${TRIAL} (${kept.join(',\n')}\n${lines.slice(end).join('\n')}`;
}

const dropTrial = (db: Db) => sql`DROP TEMPORARY TABLE IF EXISTS ${sql.table(TRIAL)}`.execute(db);

async function problemsOf(db: Db, alters: readonly Alter[]): Promise<Problem[]> {
  const found = (what: string, says: string | undefined): Problem[] =>
    says === undefined ? [] : [{ what, says, helps: [] }];
  for (const { clauses, timezone } of alters.filter((each) => each.clauses.length > 0)) {
    const alter = clauses.join(', ');
    const run = () => sql.raw(`ALTER TABLE ${TRIAL} ${alter}`).execute(db);
    const says = await messageOf(timezone === undefined ? run : () => inZone(db, timezone, run));
    if (says !== undefined) return found(`the server refuses ALTER TABLE wxuser ${alter}`, says);
  }
  return [
    ...found('the tutorial’s server could not insert a user', await messageOf(() => insertAsBefore(db))),
    ...found('a user could not log in', await messageOf(() => logIn(db))),
  ];
}

async function insertAsBefore(db: Db): Promise<void> {
  await sql`INSERT INTO ${sql.table(TRIAL)} (user_id) VALUES ('oTrialOfTheOldServer')`.execute(db);
  await sql`UPDATE ${sql.table(TRIAL)} SET appid = 'wxtrial' WHERE user_id = 'oTrialOfTheOldServer'`.execute(
    db,
  );
}

/** Two users who look the same, the longest values, and each twice. */
async function logIn(db: Db): Promise<void> {
  const { recordLogin, setPhone, change, findById } = createUsers(
    { db: db.withPlugin(onTrial), engine: 'mysql' },
    () => new Date(),
  );
  const profile = { nickName: '😀'.repeat(64), avatar: `https://${'名'.repeat(504)}`, gender: 2 } as const;
  const login = (openid: string, more: Partial<Login>): Login => ({
    ...{ appid: 'wxtrial', openid, unionid: 'oTrialUnion', profile: {} },
    ...more,
  });
  for (const openid of ['oTrialOfTheOldServer', 'oTrialOne', 'oTrialTwo', 'otrialtwo']) {
    const known = openid === 'oTrialOfTheOldServer';
    expectSame(await recordLogin(login(openid, {})), { isNew: !known, user: { openid } });
    const { user } = await recordLogin(login(openid, { profile }));
    expectSame({ user }, { user: { ...profile, openid, unionid: 'oTrialUnion', status: 'active' } });
    await setPhone(user.id, '+123456789012345');
    await change(user.id, { gender: 1 });
    expectSame(await findById(user.id), { ...profile, gender: 1 });
  }
}

/** @throws {Error} which names the value that came back otherwise */
function expectSame(found: unknown, expected: unknown, name = 'user'): void {
  if (typeof expected !== 'object' || expected === null) {
    if (found !== expected)
      throw new Error(
        `${name} is stored as ${JSON.stringify(expected)} and read as ${JSON.stringify(found)}`,
      );
    return;
  }
  for (const [key, value] of Object.entries(expected))
    expectSame((found as Readonly<Record<string, unknown>> | undefined)?.[key], value, key);
}

/** What the server says against it; undefined if it worked. */
async function messageOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (databaseFailure(error) && !/ACCESS_DENIED/.test(String((error as { code?: unknown }).code)))
      throw error;
    return (error as Error).message;
  }
}

class TrialTransformer extends OperationNodeTransformer {
  protected override transformIdentifier(node: IdentifierNode): IdentifierNode {
    return node.name === 'wxuser' ? { ...node, name: TRIAL } : node;
  }
}

/** Sends what is for wxuser to its copy. */
const transformer = new TrialTransformer();
const onTrial: KyselyPlugin = {
  transformQuery: ({ node }) => transformer.transformNode(node),
  transformResult: async ({ result }) => result,
};
