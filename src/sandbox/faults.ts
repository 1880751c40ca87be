import { z } from 'zod';

/** Where a fault can strike: an endpoint by the last part of its path. */
export const endpointName = z.enum([
  'jscode2session',
  'stable_token',
  'token',
  'getuserphonenumber',
  'checkencryptedmsg',
  'checksession',
  'resetusersessionkey',
  'msg_sec_check',
  'media_check_async',
]);
export type EndpointName = z.output<typeof endpointName>;

/** One endpoint, or all of them: `*`. */
export const target = z.union([endpointName, z.literal('*')]);
export type Target = z.output<typeof target>;

const KINDS = ['errcode', 'status', 'garbage', 'hang', 'cut', 'delayMs'] as const;

/** What goes wrong, how often, and for how long. */
export const fault = z
  .object({
    /** An errcode, with WeChat's text or another `errmsg`. */
    errcode: z.number().int().exactOptional(),
    errmsg: z.string().max(500).exactOptional(),
    /** An HTTP status with a page, as a proxy on the way sends it. */
    status: z.number().int().min(200).max(599).exactOptional(),
    /** JSON that ends too early. */
    garbage: z.literal(true).exactOptional(),
    /** No answer, ever. */
    hang: z.literal(true).exactOptional(),
    /** The connection ends without an answer. */
    cut: z.literal(true).exactOptional(),
    /** The answer, or the other fault, comes later. */
    delayMs: z.number().int().min(1).max(600_000).exactOptional(),
    /** The call takes effect (a code is spent) and only its answer is lost. */
    after: z.boolean().default(false),
    /** How likely a call is struck. */
    rate: z.number().min(0).max(1).default(1),
    /** Ends after it struck so many calls; without it, it stays until it is cleared. */
    calls: z.number().int().min(1).exactOptional(),
  })
  .refine((sent) => KINDS.some((kind) => sent[kind] !== undefined), {
    params: {
      text: {
        zh: `请至少提供 ${KINDS.join('、')} 之一`,
        en: `send at least one of ${KINDS.join(', ')}`,
      },
    },
  });
export type Fault = z.output<typeof fault>;
export type FaultInput = z.input<typeof fault>;

export interface FaultView extends Fault {
  readonly endpoint: Target;
}

/** The faults that are in force. */
export interface Faults {
  add(endpoint: Target, fault: Fault): void;
  /** The fault that strikes this call, if any: the oldest that does. */
  strike(endpoint: EndpointName): Fault | undefined;
  /** Ends those of this endpoint, or all. */
  clear(endpoint?: Target): void;
  list(): FaultView[];
}

export function createFaults(random: () => number): Faults {
  let faults: FaultView[] = [];
  return {
    add: (endpoint, added) => void faults.push({ endpoint, ...added }),
    strike(endpoint) {
      const struck = faults.find(
        (each) => (each.endpoint === endpoint || each.endpoint === '*') && random() < each.rate,
      );
      if (struck?.calls !== undefined) {
        const left = { ...struck, calls: struck.calls - 1 };
        faults = faults.map((each) => (each === struck ? left : each)).filter((each) => each.calls !== 0);
      }
      return struck;
    },
    clear(endpoint) {
      faults = faults.filter((each) => endpoint !== undefined && each.endpoint !== endpoint);
    },
    list: () => [...faults],
  };
}
