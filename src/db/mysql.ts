import { MysqlDialect, type MysqlPoolConnection } from 'kysely';
import { parseMysqlUrl } from '../database-url.ts';
import { isLost, isNodeGone } from './failures.ts';
import { createNodes, type Lease, type NodeListener } from './mysql-nodes.ts';

interface Options {
  readonly listener?: NodeListener;
  /** Lets a statement take as long as it takes: for migrations. */
  readonly patient?: boolean;
}

/** MySQL, MariaDB or what speaks their protocol; nothing is opened before the first query. */
export function mysqlDialect(
  url: string,
  { listener = () => undefined, patient = false }: Options = {},
): MysqlDialect {
  const address = parseMysqlUrl(url);
  const nodes = createNodes(address, listener, patient);
  const limitMs = patient ? undefined : address.timeoutMs;
  return new MysqlDialect({
    pool: {
      getConnection(callback) {
        nodes.acquire().then(
          (lease) => callback(undefined, watched(lease, limitMs)),
          (error: unknown) => callback(error, undefined as never),
        );
      },
      end: (callback) => void nodes.close().then(() => callback(undefined)),
    },
  });
}

type Callback = (error: unknown, result: never) => void;

/**
 * A connection whose statements end: with an answer, when their node is left, or in time. A statement that takes half
 * of its time makes us ask the node: one that swallows packets is left before the time is over, and the statement is
 * repeated on another; one that answers is only slow with this statement, and stays.
 */
function watched(lease: Lease, limitMs: number | undefined): MysqlPoolConnection {
  const { connection, suspect, whenLeft } = lease;
  const query = (sql: string, parameters: unknown[], callback: Callback) => {
    const timers = limitMs
      ? [setTimeout(suspect, limitMs / 2, limitMs * 0.4), setTimeout(tooLate, limitMs)]
      : [];
    const takeBack = whenLeft((reason) => {
      lease.discard();
      abandon('ETIMEDOUT', reason);
    });
    let done = false;
    connection.query(sql, parameters, (error, result) => {
      takeBack();
      if (isNodeGone(error)) lease.leave((error as Error).message);
      else if (isLost(error)) lease.lost();
      finish(error, result);
    });

    function finish(error: unknown, result?: unknown): void {
      if (done) return;
      done = true;
      for (const timer of timers) clearTimeout(timer);
      takeBack();
      callback(error, result as never);
    }

    /** A firewall forgets idle connections without a word: those beside this one may be as dead. */
    function tooLate(): void {
      lease.lost();
      abandon('POOL_STATEMENT_TIMEOUT', `a statement took longer than ${limitMs} ms`);
    }

    /** The driver does not call back for a connection that was destroyed. */
    function abandon(code: string, reason: string): void {
      finish(Object.assign(new Error(reason), { code }));
    }
  };
  return { query: query as MysqlPoolConnection['query'], release: lease.release };
}
