/** What one variant came to in one round. */
export interface Sample {
  /** CPU time of the server per call, in microseconds. */
  readonly cpu: number;
  /** CPU time of the client per call, in microseconds. */
  readonly client: number;
  readonly callsPerSecond: number;
  /** How long half of the calls took at most, in milliseconds. */
  readonly p50: number;
  /** How long all but one in a hundred took at most, in milliseconds. */
  readonly p99: number;
}

export interface Result {
  readonly name: string;
  /** One per round. */
  readonly samples: readonly Sample[];
}

/** The tables, as text: medians over the rounds, and in brackets the least and the most. The first result is the base. */
export function report(results: readonly Result[]): string {
  const base = results[0]?.samples ?? [];
  const rows = (cells: (result: Result) => string[]) => results.map((each) => [each.name, ...cells(each)]);
  const cpu = rows(({ samples }) => [
    spread(of(samples, 'cpu'), 1),
    spread(
      against(samples, base, 'cpu', (own, bare) => own / bare),
      2,
    ),
    spread(
      against(samples, base, 'cpu', (own, bare) => own - bare),
      1,
    ),
  ]);
  const speed = rows(({ samples }) => [
    spread(of(samples, 'callsPerSecond'), 0),
    spread(
      against(samples, base, 'callsPerSecond', (own, bare) => own / bare),
      2,
    ),
    spread(of(samples, 'p50'), 2),
    spread(of(samples, 'p99'), 2),
  ]);
  return [
    ...table(['CPU time of the server', 'µs per call', '× bare', 'µs above bare'], cpu),
    '',
    ...table(['At full load', 'calls/s', '× bare', 'p50 ms', 'p99 ms'], speed),
    '',
    `The client takes ${spread(
      results.flatMap(({ samples }) => of(samples, 'client')),
      1,
    )} µs of CPU time per call, in a process of its own.`,
  ].join('\n');
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

function of(samples: readonly Sample[], what: keyof Sample): number[] {
  return samples.map((sample) => sample[what]);
}

/** Each round for itself: what slows the machine down in one of them slows both. */
function against(
  samples: readonly Sample[],
  base: readonly Sample[],
  what: keyof Sample,
  compare: (own: number, bare: number) => number,
): number[] {
  return samples.map((sample, round) => compare(sample[what], base[round]?.[what] ?? NaN));
}

function spread(numbers: readonly number[], digits: number): string {
  const [middle, least, most] = [median(numbers), Math.min(...numbers), Math.max(...numbers)].map((each) =>
    each.toFixed(digits),
  );
  return `${middle} (${least}–${most})`;
}

/** Columns side by side: the first is flush left, the others right. */
export function table(head: readonly string[], rows: readonly string[][]): string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd : cell.padStart).call(cell, widths[column] ?? 0))
      .join('   ');
  return [line(head), ...rows.map(line)];
}
