import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether this machine has programs of these names: a bare one, with Node alone, lacks even curl. */
export function hasCommands(...names: string[]): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return names.every((name) => folders.some((folder) => existsSync(join(folder, name))));
}
