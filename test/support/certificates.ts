import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a server's certificate, as a company makes them for itself. */
export interface Certificates {
  readonly key: string;
  readonly cert: string;
  /** The certificate of the authority that signed it, which nobody trusts who is not told to. */
  readonly ca: string;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a certificate authority, and what it signs for a server on loopback.
 * @param folder where to: they stay there
 * @param names whom the certificate names, such as `DNS:elsewhere.test`
 */
export function makeCertificates(folder: string, names = 'IP:127.0.0.1,DNS:localhost'): Certificates {
  const own = mkdtempSync(join(folder, 'tls-'));
  const at = (file: string) => join(own, file);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const [key, cert, ca] = [at('key.pem'), at('cert.pem'), at('ca.pem')];
  const authority = ['-x509', ...newKey, '-subj', '/CN=Test CA', '-days', '1'];
  openssl('req', ...authority, '-keyout', at('ca-key.pem'), '-out', ca);
  openssl('req', ...newKey, '-subj', '/CN=Test server', '-keyout', key, '-out', at('request.pem'));
  writeFileSync(at('names'), `subjectAltName=${names}\n`);
  const signer = ['-CA', ca, '-CAkey', at('ca-key.pem'), '-set_serial', '1', '-days', '1'];
  openssl('x509', '-req', '-in', at('request.pem'), ...signer, '-extfile', at('names'), '-out', cert);
  return { key, cert, ca };
}
