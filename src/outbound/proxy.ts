import { isLoopback } from '../loopback.ts';
import { isInNoProxy } from './no-proxy.ts';

/** What calls to other servers go through. */
export interface HttpProxy {
  /** The setting that names it, such as `HTTPS_PROXY`. */
  readonly setting: string;
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly auth?: { readonly username: string; readonly password: string };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The names for each kind of URL; the first that is set counts. Who has both spellings mostly means the small one, as curl does. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  'http:': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
};
const EXCEPTIONS = ['no_proxy', 'NO_PROXY'];

const FORM =
  'must be http://user:password@host:port (write @ : / ? # % in the user and password as %40 %3A %2F %3F %23 %25)';

/**
 * The proxy that an environment names for a URL; none for this machine, or what `NO_PROXY` names.
 * @throws {Error} which setting is wrong and how it must be, without its value: it may hold a password
 */
export function proxyFor(url: string, env: Environment): HttpProxy | undefined {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isLoopback(host) || host.endsWith('.localhost')) return undefined;
  const setting = NAMES[protocol]?.find((name) => env[name]?.trim());
  if (!setting) return undefined;
  const exceptions = EXCEPTIONS.map((name) => env[name]?.trim()).find(Boolean) ?? '';
  if (isInNoProxy(exceptions, host, Number(port) || (protocol === 'https:' ? 443 : 80))) return undefined;
  return parse(setting, env[setting]?.trim() ?? '', host);
}

function parse(setting: string, value: string, target: string): HttpProxy {
  // Without a scheme it is HTTP, as everywhere: few proxies speak TLS themselves.
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (/^socks/i.test(text))
    throw new Error(
      `${setting} names a SOCKS proxy, which is not supported: name an HTTP proxy (http://host:port; most proxy programs have one too), or set NO_PROXY=${target} to do without`,
    );
  if (!URL.canParse(text)) throw new Error(`${setting} ${FORM}`);
  const { protocol, hostname, port, username, password } = new URL(text);
  if (!/^https?:$/.test(protocol)) throw new Error(`${setting} ${FORM}`);
  const isTls = protocol === 'https:';
  return {
    setting,
    protocol: isTls ? 'https' : 'http',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (isTls ? 443 : 80),
    ...((username || password) && { auth: { username: decoded(username), password: decoded(password) } }),
  };
}

/** Percent-encoded UTF-8; a `%` that encodes nothing stands for itself. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}
