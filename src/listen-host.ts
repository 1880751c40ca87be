import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** What compilers call a machine, such as `x86_64-conda-linux-gnu`. */
const TRIPLE =
  /^(?:x86_64|aarch64|arm\w{0,8}|i[3-6]86|p(?:ower)?pc64(?:le)?|s390x|riscv64)-(?:conda\w{0,8}|apple|pc|unknown|w64|redhat|suse|linux)-[\w.-]+$/i;

/** What is wrong with a HOST, if anything. Brackets of an IPv6 address have been taken off. */
export function hostProblem(host: string): string | undefined {
  if (TRIPLE.test(host)) {
    return 'is what conda sets for its compilers, no address to listen on: start with HOST=127.0.0.1, or HOST=0.0.0.0 for all addresses (the environment goes before .env)';
  }
  const isAddress = isIP(host) !== 0;
  if (isAddress || /^[\w.-]+$/.test(host)) return undefined;
  return 'must be an address or a name alone, such as 127.0.0.1: without http://, and its port is PORT';
}

/** Whether the name of this machine stands there, as csh and zsh have it in HOST: it may lead to loopback alone. */
export function isMachineName(host: string | undefined): boolean {
  const name = hostname().toLowerCase();
  if (host === undefined || host === 'localhost' || isIP(host) !== 0) return false;
  return [name, name.split('.')[0]].includes(host.toLowerCase());
}
