import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Waits until a MySQL server says on its stderr that it is ready; fails with all it said if it ends before. */
export async function saysReady(server: ChildProcess, name: string): Promise<void> {
  if (!server.stderr) throw new Error(`${name} has no stderr`);
  const said: string[] = [];
  for await (const line of createInterface(server.stderr)) {
    said.push(line);
    if (line.includes('ready for connections')) {
      server.stderr.resume();
      return;
    }
  }
  throw new Error(`${name} ended before it was ready:\n${said.join('\n')}`);
}
