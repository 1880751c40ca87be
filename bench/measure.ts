import { type Client, connect } from './client.ts';
import type { Result, Sample } from './report.ts';
import type { Started } from './start.ts';

/** How much is measured. */
export interface Plan {
  readonly rounds: number;
  /** How often each variant gets its turn in a round. */
  readonly turns: number;
  /** Calls of each variant in a turn. */
  readonly calls: number;
  /** Calls of each variant before the first round. */
  readonly warmUp: number;
  readonly connections: number;
}

interface Turn {
  readonly cpu: number;
  readonly client: number;
  readonly ms: number;
  readonly took: Float64Array;
}

/**
 * Measures variants side by side. The turns are short and in another order each time, so that whatever else the machine
 * does hits all of them; a round is many calls, so that each pays for its own garbage collections.
 */
export async function measure(variants: readonly Started[], plan: Plan): Promise<Result[]> {
  const all = await Promise.all(
    variants.map(async (started) => ({
      started,
      client: await connect(started.port, plan.connections),
      samples: [] as Sample[],
    })),
  );
  try {
    for (const { started, client } of all) await takeTurn(started, client, plan.warmUp);
    for (let round = 0; round < plan.rounds; round++) {
      const turns = all.map((each) => ({ ...each, turns: [] as Turn[] }));
      for (let turn = 0; turn < plan.turns; turn++)
        for (const each of shuffled(turns))
          each.turns.push(await takeTurn(each.started, each.client, plan.calls));
      for (const each of turns) each.samples.push(toSample(each.turns));
    }
  } finally {
    for (const { client } of all) client.close();
  }
  return all.map(({ started: { name }, samples }) => ({ name, samples }));
}

async function takeTurn({ calls, cpu }: Started, client: Client, count: number): Promise<Turn> {
  const cpuBefore = await cpu();
  const clientBefore = process.cpuUsage();
  const startedAt = performance.now();
  const took = await client.send(calls, count);
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(clientBefore);
  return { cpu: (await cpu()) - cpuBefore, client: user + system, ms, took };
}

function toSample(turns: readonly Turn[]): Sample {
  const took = turns.flatMap((turn) => [...turn.took]).sort((a, b) => a - b);
  const count = took.length;
  const sum = (what: 'cpu' | 'client' | 'ms') => turns.reduce((total, turn) => total + turn[what], 0);
  return {
    cpu: sum('cpu') / count,
    client: sum('client') / count,
    callsPerSecond: (count * 1000) / sum('ms'),
    p50: took[Math.ceil(count * 0.5) - 1] ?? Number.NaN,
    p99: took[Math.ceil(count * 0.99) - 1] ?? Number.NaN,
  };
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((each) => ({ each, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ each }) => each);
}
