import type { HttpProxy } from './proxy.ts';

/** Codes of a certificate that nobody here vouches for. */
const UNTRUSTED =
  /^(?:SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_|ERR_TLS_CERT)/;

/** A proxy as it may be shown. */
export function nameOf({ setting, host, port }: HttpProxy): string {
  return `${setting} (${host.includes(':') ? `[${host}]` : host}:${port})`;
}

/** Why a server was not reached, as the code of an error says it; where there is a proxy between, it is that one's matter. */
export function whyUnreached(target: string, code: unknown, proxy: HttpProxy | undefined): string {
  if (UNTRUSTED.test(String(code))) {
    const opener = proxy ? `the proxy of ${nameOf(proxy)}` : 'somebody on the way';
    return `${target} could not be reached (${code}): ${opener} opens TLS with a certificate of its own; name the file of its authority in NODE_EXTRA_CA_CERTS`;
  }
  if (!proxy) return `${target} could not be reached (${code})`;
  const setting = nameOf(proxy);
  if (proxy.protocol === 'https' && /^(?:EPROTO|ERR_SSL)/.test(String(code)))
    return `${target} could not be reached: the proxy of ${setting} speaks no TLS (${code}); write http:// there`;
  return `${target} could not be reached: no tunnel through the proxy of ${setting} (${code}); see its host and port, or set NO_PROXY to do without`;
}

/** What a proxy answered itself, in the place of the server behind it. */
export function refusedByProxy(target: string, status: number, proxy: HttpProxy): string {
  const setting = nameOf(proxy);
  if (status === 407) {
    const given = proxy.auth ? 'refuses the user or password of' : 'wants a user and a password in';
    return `the proxy ${given} ${setting} (407); write @ : / ? # % in them as %40 %3A %2F %3F %23 %25`;
  }
  return `the proxy of ${setting} answered ${status} in the place of ${target}: it must allow this server, or set NO_PROXY to do without`;
}
