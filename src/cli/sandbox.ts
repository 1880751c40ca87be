import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { isLoopback } from '../loopback.ts';
import { type RunningSandbox, startSandbox } from '../sandbox/start.ts';
import { readEnvFile } from './env-file.ts';
import { UsageError } from './usage-error.ts';

const USAGE = 'usage: weapp-login sandbox [--port 9000] [--host 127.0.0.1] [--appid wx…] [--secret …]';

/** `weapp-login sandbox`: a WeChat of its own for any backend, until SIGTERM or SIGINT. */
export async function sandboxCommand(args: readonly string[]): Promise<void> {
  readEnvFile(); // NODE_ENV may stand there
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { ...text, default: '9000' },
      host: { ...text, default: '127.0.0.1' },
      appid: text,
      secret: text,
    },
  });
  const { port, host, appid, secret } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError(`${USAGE}\n--port must be a number up to 65535`);
  if (appid !== undefined && !/^wx[0-9a-f]{16}$/.test(appid))
    throw new UsageError(`${USAGE}\n--appid must be wx and 16 hex digits`);
  if (secret !== undefined && !/^[0-9a-f]{32}$/i.test(secret))
    throw new UsageError(`${USAGE}\n--secret must be 32 hex digits`);

  if (host.includes('%'))
    throw new UsageError(`${USAGE}\n--host must be without a zone (behind the %): no URL can have one`);

  const given = { ...(appid !== undefined && { appid }), ...(secret !== undefined && { secret }) };
  const sandbox = await startSandbox({ port: Number(port), host, ...given }).catch((error) => {
    if (error.code === 'EADDRINUSE') throw new UsageError(`port ${port} is taken: name another with --port`);
    throw error;
  });
  process.stdout.write(notice(sandbox, host));
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  await sandbox.close();
}

function notice({ url, appid, secret }: RunningSandbox, host: string): string {
  const reach = isLoopback(host)
    ? 'Only this machine can reach it.'
    : `--host ${host}: OTHER MACHINES CAN REACH IT.`;
  return `
  A WeChat for development listens at ${url}
  It lets anyone log in as anyone. ${reach}

  In place of https://api.weixin.qq.com give your project

    WX_API_BASE=${url}
    WX_APPID=${appid}
    WX_SECRET=${secret}

  Its users, codes, faults and clock: ${url}/control

`;
}
