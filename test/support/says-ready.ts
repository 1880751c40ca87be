import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Waits until a server says that it is ready, as MySQL does on its stderr; fails with all it said if it ends before. */
export async function saysReady(
  server: ChildProcess,
  name: string,
  output = server.stderr,
  words = 'ready for connections',
): Promise<void> {
  if (!output) throw new Error(`${name} has no output`);
  const said: string[] = [];
  for await (const line of createInterface(output)) {
    said.push(line);
    if (line.includes(words)) {
      output.resume();
      return;
    }
  }
  throw new Error(`${name} ended before it was ready:\n${said.join('\n')}`);
}
