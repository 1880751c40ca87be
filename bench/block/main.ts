import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../report.ts';
import { attack, type Block } from './attack.ts';
import type { Case } from './case.ts';
import { anyRoute } from './cases/any-route.ts';
import { callback } from './cases/callback.ts';
import { login } from './cases/login.ts';
import { protectedRoutes } from './cases/protected.ts';
import { sandbox } from './cases/sandbox.ts';

// `npm run bench:block`: how long one request holds the server, for the worst that are known. See docs/performance.md.

const { quick, all } = parseArgs({
  options: { quick: { type: 'boolean' }, all: { type: 'boolean' } },
}).values;
const BOUND_MS = 10;
const cases: Case[] = [...anyRoute, ...login, ...protectedRoutes, ...callback, ...sandbox];
const times = quick ? 1 : 15;

const folder = mkdtempSync(join(tmpdir(), 'weapp-bench-'));
try {
  say('How long one request holds the server');
  say(
    `Node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(2)}`,
  );
  say(`${cases.length} requests, each sent ${times} times`);
  const blocks: Block[] = [];
  for (const group of bySettings(cases)) blocks.push(...(await attack(group, times, folder)));
  say(`\n${report(blocks)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A server for each way to set it. */
function bySettings(cases: readonly Case[]): Case[][] {
  const groups = new Map<string, Case[]>();
  for (const each of cases) {
    const key = JSON.stringify(each.settings);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()];
}

/** The worst request of each route, or with --all every request. */
function report(blocks: readonly Block[]): string {
  const worstFirst = blocks.toSorted((a, b) => b.median - a.median);
  const routes = [...new Set(blocks.map(({ route }) => route))];
  const shown = routes.flatMap((name) => {
    const ofRoute = worstFirst.filter(({ route }) => route === name);
    return all ? ofRoute : ofRoute.slice(0, 1);
  });
  const rows = shown.map(({ route, name, status, median, most }) => [
    route,
    median.toFixed(2),
    most.toFixed(2),
    String(status),
    name,
  ]);
  const over = worstFirst
    .filter(({ median }) => median > BOUND_MS)
    .map(({ route, name }) => `${route}: ${name}`);
  return [
    ...table(['Longest block', 'median ms', 'most ms', 'answer', 'by'], rows),
    '',
    over.length === 0 ? `None is over ${BOUND_MS} ms.` : `Over ${BOUND_MS} ms:\n${over.join('\n')}`,
  ].join('\n');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
