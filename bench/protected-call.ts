import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure, type Plan } from './measure.ts';
import { report } from './report.ts';
import { type Started, start } from './start.ts';
import { variants } from './variants.ts';

// `npm run bench`: what a protected call costs, against a bare Express route. See docs/performance.md.

const { quick } = parseArgs({ options: { quick: { type: 'boolean' } } }).values;
const users = quick ? 10 : 100;
/** The quick one only shows that it works: its numbers say nothing. */
const plan: Plan = quick
  ? { connections: 16, warmUp: 200, rounds: 2, turns: 1, calls: 200 }
  : { connections: 16, warmUp: 5000, rounds: 7, turns: 5, calls: 600 };

const folder = mkdtempSync(join(tmpdir(), 'weapp-bench-'));
const undos: (() => Promise<unknown>)[] = [];
// Ctrl-C ends the servers; the run fails for want of them, and cleans up.
process.once('SIGINT', () => undefined);
try {
  say('What a protected call costs, against a bare Express route');
  say(
    `Node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(2)}`,
  );
  const started = await startAll();
  say(
    `${plan.rounds} rounds of ${plan.turns * plan.calls} calls each, by ${users} users in turn on ${plan.connections} connections`,
  );
  say(`\n${report(await measure(started, plan))}`);
} finally {
  for (const undo of undos.reverse()) await undo();
  rmSync(folder, { recursive: true, force: true });
}

async function startAll(): Promise<Started[]> {
  const all: Started[] = [];
  for (const variant of variants) {
    const started = await start(variant, { folder, users, atEnd: (undo) => undos.push(undo) });
    if (started) all.push(started);
    else say(`LEFT OUT: ${variant.name}: there is no ${variant.store} here`);
  }
  return all;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
