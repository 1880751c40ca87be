/** One server of a URL that may name several. */
export interface Host {
  readonly host: string;
  readonly port: number;
}

const HOST = /^(?<host>\[[0-9a-f:]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i;

/** Reads `host:port,host2,[::1]:port`. @throws {Error} saying what is wrong */
export function readHosts(text: string, defaultPort: number): Host[] {
  return text.split(',').map((each) => {
    const parts = HOST.exec(each)?.groups;
    if (!parts)
      throw new Error('names a host that is none: write host or host:port, several separated by commas');
    const port = Number(parts['port'] ?? defaultPort);
    if (port > 65_535) throw new Error(`names a port that is none: ${port} is over 65535`);
    return { host: (parts['host'] ?? '').replace(/[[\]]/g, ''), port };
  });
}

/** Reads what stands behind the `?`, over the defaults. @throws {Error} naming an option that is not among them */
export function readOptions<Options extends Record<string, string>>(
  query: string,
  defaults: Options,
): Options {
  const options = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(options).filter((name) => !(name in defaults));
  if (unknown.length === 0) return { ...defaults, ...options };
  throw new Error(
    `has an option it does not know (${unknown.join(', ')}): there are ${Object.keys(defaults).join(', ')}`,
  );
}

/** Reads what a part of the URL escapes. @throws {Error} saying how it is done */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('has a % that escapes nothing: write % as %25 (and @ / : in a password as %40 %2F %3A)');
  }
}

/** @throws {Error} saying what the option must be */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`has a wrong option: ${name} must be a number from ${min} to ${max}`);
}
