/** What the doctor found out about one thing. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was looked at: `database`, `WeChat wx0123…`. */
  readonly subject: string;
  readonly says: string;
  /** The next step. */
  readonly todo?: string;
}

/** Clocks that differ more cost trouble: tokens and codes live by them. */
const CLOCK_TOLERANCE_MS = 5000;

/** Compares another clock with ours, if it told its time. */
export function compareClocks(subject: string, theirs: Date | undefined, ours: Date): Finding[] {
  if (!theirs) return [];
  const seconds = Math.round((ours.getTime() - theirs.getTime()) / 1000);
  const off = `this machine's clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`;
  if (Math.abs(seconds) * 1000 <= CLOCK_TOLERANCE_MS)
    return [{ level: 'ok', subject, says: 'its clock and ours agree' }];
  return [{ level: 'problem', subject, says: off, todo: 'set the clock by NTP (timedatectl set-ntp true)' }];
}
