import type { EndpointName } from './faults.ts';
import { redact } from './redact.ts';

const KEPT = 50;

/** A request to WeChat and what it was answered. */
export interface Call {
  /** Counts all calls, from 1: so one that looks tells which are new, and how many it missed. */
  readonly number: number;
  /** When it came in. */
  readonly at: Date;
  readonly endpoint: EndpointName;
  readonly method: string;
  readonly query: unknown;
  readonly body: unknown;
  /** The HTTP status; none where no answer was sent. */
  readonly status?: number;
  /** What was sent, or what happened instead. */
  readonly answer: unknown;
}

/** What was asked so far. */
export interface Calls {
  /** Notes that a call came in. */
  count(endpoint: EndpointName): void;
  counts(): Readonly<Partial<Record<EndpointName, number>>>;
  record(call: Omit<Call, 'number'>): void;
  /** The last 50, the newest first. */
  last(): Call[];
}

export function createCalls(): Calls {
  const counts: Partial<Record<EndpointName, number>> = {};
  const calls: Call[] = [];
  let number = 0;
  return {
    count(endpoint) {
      counts[endpoint] = (counts[endpoint] ?? 0) + 1;
    },
    counts: () => ({ ...counts }),
    record(call) {
      number += 1;
      calls.unshift(redact({ number, ...call }) as Call);
      calls.splice(KEPT);
    },
    last: () => [...calls],
  };
}
