import { MysqlDialect, type MysqlPoolConnection } from 'kysely';
import { parseMysqlUrl } from '../database-url.ts';
import { isLost } from './failures.ts';
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
  const nodes = createNodes(address, listener);
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

/** A connection whose statements end: with an answer, in time, or when their node is left. */
function watched({ connection, leave, whenLeft }: Lease, limitMs: number | undefined): MysqlPoolConnection {
  const query = (sql: string, parameters: unknown[], callback: Callback) => {
    const timer =
      limitMs && setTimeout(() => abandon(`did not answer a statement within ${limitMs} ms`), limitMs);
    const takeBack = whenLeft(abandon);
    let done = false;
    connection.query(sql, parameters, finish);

    function finish(error: unknown, result?: unknown): void {
      if (done) return;
      done = true;
      clearTimeout(timer);
      takeBack();
      if (isLost(error)) leave((error as Error).message);
      callback(error, result as never);
    }

    /** The driver does not call back for a connection that we destroy. */
    function abandon(reason: string): void {
      connection.destroy();
      finish(Object.assign(new Error(reason), { code: 'ETIMEDOUT' }));
    }
  };
  return { query: query as MysqlPoolConnection['query'], release: () => connection.release() };
}
