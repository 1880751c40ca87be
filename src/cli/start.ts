import type { Config } from '../config.ts';
import { createLog } from '../log.ts';
import { isLoopback } from '../loopback.ts';
import { type RunningServer, startServer } from '../server.ts';
import { describeEnvFile, type EnvFile } from './env-file.ts';
import { describeServer } from './listening.ts';

/** `weapp-login start`: runs until SIGTERM or SIGINT; a second signal ends it at once, as the first does before it is up. */
export async function startCommand(config: Config, envFile: EnvFile): Promise<void> {
  const log = createLog(config.logLevel);
  let server: RunningServer | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stop(signal));
  }
  server = await startServer(config, { log });
  process.stdout.write(config.sandbox ? sandboxNotice(server.url, config, envFile) : '');
  const { url, address } = server;
  const where = { url, ...describeServer(config, address) };
  log.info({ ...where, sandbox: config.sandbox, envFile: describeEnvFile(envFile) }, 'listening');

  async function stop(signal: string): Promise<void> {
    if (!server) {
      log.info({ signal }, 'stopped before it was up');
      process.exit(0);
    }
    process.once('SIGTERM', () => process.exit(1)).once('SIGINT', () => process.exit(1));
    log.info({ signal }, 'stopping: requests in flight may finish');
    await server.close();
    log.info('stopped');
  }
}

function sandboxNotice(url: string, { host }: Config, envFile: EnvFile): string {
  const reach = isLoopback(host ?? '')
    ? 'Only this machine can reach it.'
    : `HOST=${host}: OTHER MACHINES CAN REACH IT.`;
  return `
  weapp-login listens at ${url} with the SANDBOX: a local WeChat for development.
  It lets anyone log in as anyone. ${reach}
  Open ${url.replace('127.0.0.1', 'localhost')} in a browser: the mini program on a phone, and what the server sees of it.
  Its users are not real; their rows have an appid that no mini program can have.
  For real users set WX_APPID, WX_SECRET and JWT_SECRET (see .env.example).
  .env that was read: ${describeEnvFile(envFile)}

`;
}
